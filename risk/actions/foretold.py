"""Keep what was foretold until it is known what came, and hold the one by the other.

A release is gone after some days, and a horizon is a year or two. So of a day in each
four weeks it is kept what every model foretold of people, with the groups by which a
model may be right about some and wrong about others, for as long as the longest
horizon takes. It goes with a person who is erased.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl
from django.conf import settings

from linkage.models import Release
from risk import store
from risk.actions.dates import Dates, onsets
from risk.definitions import MODELS
from risk.models import ForetoldAt, ModelWatch, TrainedModel
from risk.specs import ModelSpec
from risk.steps.evaluate import Figures
from risk.steps.gather import mark_treated
from risk.steps.matrix import sample
from risk.steps.monitor import drift
from risk.steps.outcome import outcome
from risk.steps.untouched import as_untouched, untreated

# A day is kept if none within so many days of it is.
EVERY_DAYS = 28
# Late records have so long to arrive, as they have before a model learns from them.
LATE_DAYS = 30
# What came of so many people tells of every group that is large enough to be told.
MOST_PEOPLE = 250_000
SEED = 20261123


def traits_of(models: Iterable[str]) -> list[str]:
    """Return the features that are kept beside what is foretold: the groups by which
    level is watched, and the plans that say who is under an intervention."""
    specs = [MODELS[name] for name in models]
    plans = [spec.treated.feature for spec in specs if spec.treated]
    return list(dict.fromkeys([*(g for s in specs for g in s.limits.groups), *plans]))


def keep(
    release: Release, people: pl.DataFrame, models: Mapping[str, TrainedModel]
) -> None:
    """Keep what a release foretells, unless a day near its own is kept already.

    `people` holds the attribute of every one of `models` and `traits_of` them. What is
    older than any horizon goes.
    """
    near = timedelta(days=EVERY_DAYS - 1)
    kept = ForetoldAt.objects.filter(
        as_of__range=(release.as_of - near, release.as_of + near)
    )
    if kept.exclude(as_of=release.as_of).exists():
        return
    told = [MODELS[name].attribute for name in models]
    traits = traits_of(models)
    some = people.filter(pl.any_horizontal(pl.col(told).is_not_null()))
    some = sample(some, MOST_PEOPLE, SEED)
    store.write_foretold(
        release.as_of,
        some.select(
            "person_no",
            told=pl.concat_list(pl.col(told).cast(pl.Float32)),
            traits=pl.concat_list(pl.col(traits).cast(pl.String)),
        ),
    )
    ForetoldAt.objects.update_or_create(
        as_of=release.as_of,
        defaults={
            "release_id": release.pk,
            "versions": {name: model.version for name, model in models.items()},
            "told": told,
            "traits": traits,
        },
    )
    longest = max(spec.outcome.horizon_days for spec in MODELS.values())
    open_days = longest + LATE_DAYS + EVERY_DAYS
    store.forget_foretold(release.as_of - timedelta(days=open_days))


def drift_of(
    release: Release, models: Mapping[str, TrainedModel]
) -> dict[str, Figures]:
    """Return, of each model, how what came lies to what was foretold a horizon ago.

    Of the newest kept day whose horizon has ended; a model without one is not there.
    Whichever version foretold it then: `superseded` says that it was another than the
    one in use. Reckoned once for each day; after that what was found stands, and stops
    nothing again.
    """
    found: dict[str, Figures] = {}
    waiting: dict[date, list[str]] = {}
    for name, model in models.items():
        day = _ended(release, name)
        if day is None:
            continue
        before = _known(release, model, day)
        if before is not None:
            found[name] = before
        else:
            waiting.setdefault(day.as_of, []).append(name)
    for as_of, names in waiting.items():
        day = ForetoldAt.objects.get(as_of=as_of)
        judged = what_came(release, day, {name: MODELS[name] for name in names})
        for name, rows in judged.items():
            superseded = day.versions[name] != models[name].version
            found[name] = _judge(rows, MODELS[name]) | {
                "foretold_on": as_of.isoformat(),
                "version": day.versions[name],
                "superseded": superseded,
                # The version in use has a trial of its own, on the newest days.
                "stops": not superseded,
                "release": release.pk,
            }
    return found


def _ended(release: Release, name: str) -> ForetoldAt | None:
    """The newest kept day on which a model foretold and whose horizon has ended."""
    days = MODELS[name].outcome.horizon_days + LATE_DAYS
    ended = ForetoldAt.objects.filter(
        as_of__lte=release.as_of - timedelta(days=days), versions__has_key=name
    )
    return ended.order_by("-as_of").first()


def _known(release: Release, model: TrainedModel, day: ForetoldAt) -> Figures | None:
    """What an earlier release has found of the same day and versions, if any."""
    last = ModelWatch.objects.filter(name=model.name, release_id__lt=release.pk)
    for watch in last.order_by("-release_id")[:1]:
        told: dict[str, Any] = watch.figures.get("drift") or {}
        same = told.get("foretold_on") == day.as_of.isoformat()
        if same and watch.model_version == model.version and "groups" in told:
            return told | {"stops": False}
    return None


def what_came(
    release: Release, day: ForetoldAt, models: Mapping[str, ModelSpec]
) -> dict[str, pl.DataFrame]:
    """Return, by model, the people of a kept day with what came of them since.

    Columns: `person_no`, `index_on`, the model's attribute, the kept traits, and what
    `outcome` and `mark_treated` add.
    """
    days = (release.as_of - day.as_of).days
    made: dict[str, list[pl.DataFrame]] = {name: [] for name in models}
    for shard in range(settings.SHARDS):
        told = store.read_foretold(shard, day.as_of, day.told, day.traits)
        if told.is_empty():
            continue
        plans = {s.treated.feature for s in models.values() if s.treated}
        people = told.with_columns(
            pl.lit(day.as_of).alias("index_on"),
            *(pl.col(name).str.to_date() for name in plans),
        ).join(store.read_deaths(shard), on="person_no", maintain_order="left")
        dates = Dates(release, shard, {})
        activity = dates.activity(since=day.as_of)
        later = onsets(dates, days, models)
        treatments = store.read_treatments(shard)
        for name, spec in models.items():
            mine = people.filter(pl.col(spec.attribute).is_not_null())
            came = outcome(mine, activity, spec.outcome, day.as_of, later.get(name))
            made[name].append(mark_treated(came, spec, day.as_of, treatments))
    return {name: pl.concat(frames) for name, frames in made.items() if frames}


def _judge(rows: pl.DataFrame, spec: ModelSpec) -> Figures:
    rows = untreated(rows)
    foretold = rows[spec.attribute].to_numpy()
    seed, is_amount = spec.training.seed, spec.outcome.is_amount
    followed = as_untouched(rows, foretold, seed, is_amount=is_amount)
    return drift(followed, foretold, spec)
