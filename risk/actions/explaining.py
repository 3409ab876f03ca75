"""Say why of those below the figure from which everybody is explained."""

from collections.abc import Collection, Mapping

import polars as pl

from linkage.models import Release
from linkage.release import parts
from linkage.release.sources import holders
from risk import store
from risk.actions.models_in_use import usable
from risk.actions.scores import FEATURES_PART
from risk.definitions import MODELS
from risk.models import PersonRisk
from risk.steps.predict import predict
from risk.steps.train import Trained


def explain(
    release_id: int, wanted: Mapping[str, Collection[int]], *, beneath: bool = False
) -> int:
    """Keep what models foretell of people, and why, where it is not kept yet.

    `wanted` says of whom by model. A release explains everybody whose figure is high
    (`reasons_from`); this is for those whom somebody looks at all the same: people on
    lists, at the end of making them, and one person whose page is opened. Of a delta,
    whom it has not touched is passed over, as explained by the release beneath it
    already, unless `beneath`. Returns how many were explained. Safe to repeat.
    """
    release = Release.objects.get(pk=release_id)
    explained = 0
    for name, people in wanted.items():
        for held_in, numbers in holders(release_id, people).items():
            if held_in != release_id and not beneath:
                continue
            missing = _unexplained(held_in, name, numbers)
            model = usable(name, release) if missing else None
            if model is not None:
                trained = Trained.from_bytes(bytes(model.payload))
                explained += _explain(held_in, name, trained, missing)
    return explained


def _unexplained(release_id: int, name: str, numbers: Collection[int]) -> list[int]:
    known = PersonRisk.objects.filter(release_id=release_id, name=name)
    return sorted(set(numbers) - set(known.values_list("person_no", flat=True)))


def _explain(release_id: int, name: str, trained: Trained, numbers: list[int]) -> int:
    spec = MODELS[name].model_copy(update={"reasons_from": 0.0})
    as_of = Release.objects.values_list("as_of", flat=True).get(pk=release_id)
    columns = sorted({*spec.features, "age_years", "practice_code"})
    among = pl.Series(numbers, dtype=pl.Int32).implode()
    made = 0
    for piece in parts.written(release_id, FEATURES_PART):
        people = parts.read(release_id, piece, FEATURES_PART, columns).filter(
            pl.col("person_no").is_in(among)
        )
        if people.is_empty():
            continue
        told = predict(people.with_columns(index_on=pl.lit(as_of)), trained, spec)
        rows = people.select("person_no", "practice_code").join(told, on="person_no")
        made += store.add_person_risks(release_id, rows, {name: spec})
    return made
