"""Say why of those below the figure from which everybody is explained."""

from collections.abc import Collection, Mapping

import polars as pl

from linkage.models import Release
from linkage.release import parts
from linkage.release.sources import holders
from risk import store
from risk.actions.models_in_use import usable
from risk.actions.predictions import PREDICTIONS_PART
from risk.actions.scores import FEATURES_PART
from risk.definitions import MODELS
from risk.models import PersonRisk
from risk.steps.predict import predict
from risk.steps.train import Trained

# The last bits of an exponential depend on how many are worked out at once.
ALIKE = 1e-6


def explain(
    release_id: int, wanted: Mapping[str, Collection[int]], *, beneath: bool = False
) -> int:
    """Keep what models foretell of people, and why, where it is not kept yet.

    `wanted` says of whom by model. A release explains everybody whose figure is high
    (`reasons_from`); this is for those whom somebody looks at all the same: people on
    lists, at the end of making them, and one person of whom somebody asks. Of a delta,
    whom it has not touched is passed over, as explained by the release beneath it
    already, unless `beneath`. A figure that the model in use would not give any more,
    having been renewed since, is not explained by it. Returns how many were explained.
    Safe to repeat.
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
    sought = made = 0
    for piece in parts.written(release_id, FEATURES_PART):
        if sought == len(numbers):
            break
        people = parts.read(release_id, piece, FEATURES_PART, columns).filter(
            pl.col("person_no").is_in(among)
        )
        if people.is_empty():
            continue
        sought += people.height
        told = predict(people.with_columns(index_on=pl.lit(as_of)), trained, spec)
        said = parts.read(release_id, piece, PREDICTIONS_PART, [spec.attribute])
        rows = people.select("person_no", "practice_code").join(
            told.filter(_as_said(told, said, spec.attribute)), on="person_no"
        )
        made += store.add_person_risks(release_id, rows, {name: spec})
    return made


def _as_said(told: pl.DataFrame, said: pl.DataFrame, attribute: str) -> pl.Series:
    """Whether each row of `told` holds the figure that the release gives its person."""
    figures = told.select("person_no", attribute).join(
        said, on="person_no", how="left", maintain_order="left", suffix="_said"
    )
    given = pl.col(f"{attribute}_said")
    alike = (pl.col(attribute) - given).abs() <= ALIKE * given.abs()
    return figures.select(alike.fill_null(value=False)).to_series()
