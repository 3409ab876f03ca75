"""Gather people as they were, train models on them, keep what was trained."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import polars as pl
from django.conf import settings
from django.db import transaction
from django.db.models import Max

from linkage.models import Release
from linkage.release import parts
from linkage.release.actions import features_of
from linkage.release.stages import StageOutcome
from linkage.release.store import read_shard
from risk.actions.models_in_use import standing_on, usable
from risk.definitions import MODELS
from risk.models import TrainedModel
from risk.specs import ModelSpec
from risk.steps.assess import assess
from risk.steps.boosting import THREADS
from risk.steps.gather import columns_of, gather, rows_of
from risk.steps.outcome import HAPPENED, register_of
from risk.steps.train import Trained, enough, train
from risk.store import read_deaths, read_treatments

# What outcomes read of activity.
OF_OUTCOMES = ("person_no", "setting", "kind", "urgency", "start_on", "cost_gbp")


def gather_training(release_id: int, shard: int) -> StageOutcome:
    """Keep one shard's people as they were at each index date, if a model is due.

    A date that several models ask for is derived once, for what they ask.
    """
    release = Release.objects.get(pk=release_id)
    due = {name: spec for name, spec in MODELS.items() if usable(name, release) is None}
    if not due:
        return StageOutcome(0, 0)
    dates = Dates(release, shard, wanted(due.values()))
    deaths, treatments = read_deaths(shard), read_treatments(shard)
    furthest = max(max(spec.training.train_days) for spec in due.values())
    # The outcome is what is known of it today, late records and all.
    activity = dates.activity(since=release.as_of - timedelta(days=furthest))
    rows_out = 0
    for days in index_days(due.values()):
        mine = {n: s for n, s in due.items() if days in index_days([s])}
        later = {
            name: dates.features(days - spec.outcome.horizon_days)
            for name, spec in mine.items()
            if spec.outcome.of == "onset"
        }
        made = gather(
            dates.features(days),
            deaths,
            activity,
            mine,
            index_on=release.as_of - timedelta(days=days),
            shards=settings.SHARDS,
            later=later,
            treatments=treatments,
        )
        parts.write(release_id, shard, training_part(days), made)
        rows_out += made.height
    return StageOutcome(dates.rows, rows_out)


def index_days(models: Iterable[ModelSpec]) -> list[int]:
    """The index dates of some models, in days before that of a release."""
    return sorted(
        {d for m in models for d in (*m.training.train_days, m.training.test_days)}
    )


def wanted(models: Iterable[ModelSpec]) -> dict[int, set[str]]:
    """What the models ask of each date, in days before that of a release."""
    found: dict[int, set[str]] = defaultdict(set)
    for spec in models:
        for days in index_days([spec]):
            found[days] |= {*spec.features, *spec.audit_by, "age_years"}
            if spec.outcome.joins:
                joined = register_of(spec.outcome.joins)
                found[days - spec.outcome.horizon_days] |= set(joined)
    return found


class Dates:
    """One shard's features as at days before a release's date, each derived once.

    The shard is read once, up to the release's date: what became known after an
    earlier date is not used for it.
    """

    def __init__(
        self, release: Release, shard: int, columns: Mapping[int, set[str]]
    ) -> None:
        self.release, self.as_of, self.columns = release, release.as_of, columns
        self._read = read_shard(shard, until=self.as_of)
        self.rows = self._read.rows
        self._known: dict[int, pl.DataFrame] = {}

    def activity(self, *, since: date) -> pl.DataFrame:
        """Return the activity that began from a day on, up to the release's date."""
        return self._read.activity.select(OF_OUTCOMES).filter(
            pl.col("start_on") >= since
        )

    def features(self, days: int) -> pl.DataFrame:
        if days not in self._known:
            index_on = self.as_of - timedelta(days=days)
            made, _ = features_of(
                self._read, index_on, only=self.columns[days], release=self.release
            )
            self._known[days] = made
        return self._known[days]


def train_model(release_id: int, name: str) -> StageOutcome:
    """Train a model if it is due, try it on the later date, put it to use.

    With too few outcomes to learn from there is no model, and no prediction.
    """
    release, spec = Release.objects.get(pk=release_id), MODELS[name]
    if usable(name, release) is not None:
        return StageOutcome(0, 0)
    learnt = pl.concat(
        training_rows(release_id, name, days) for days in spec.training.train_days
    )
    later = training_rows(release_id, name, spec.training.test_days)
    rows = learnt.height + later.height
    if not (enough(learnt, spec) and enough(later, spec)):
        return StageOutcome(rows, 0)
    fitted = train(learnt, spec, threads=THREADS)
    _keep(name, spec, release, fitted, learnt, assess(fitted, learnt, later, spec))
    return StageOutcome(rows, 1)


def training_part(days: int) -> str:
    """Return the name of the part with every due model's people of one index date."""
    return f"training {days}"


def training_rows(release_id: int, name: str, days: int) -> pl.DataFrame:
    """Return the rows of one model that a release gathered of one index date.

    LookupError where it has gathered none for that model.
    """
    spec = MODELS[name]
    try:
        found = parts.read_all(release_id, training_part(days), columns_of(name, spec))
    except pl.exceptions.ColumnNotFoundError as error:
        raise LookupError(f"release {release_id} gathered none for {name}") from error
    return rows_of(found, name, spec)


def _keep(
    name: str,
    spec: ModelSpec,
    release: Release,
    fitted: Trained,
    learnt: pl.DataFrame,
    figures: dict[str, object],
) -> TrainedModel:
    """Keep a trained model as the next version and put it to use."""
    with transaction.atomic():
        known = TrainedModel.objects.filter(name=name)
        last = known.aggregate(last=Max("version"))["last"] or 0
        known.update(in_use=False)
        return TrainedModel.objects.create(
            name=name,
            version=last + 1,
            index_on=release.as_of - timedelta(days=min(spec.training.train_days)),
            horizon_days=spec.outcome.horizon_days,
            people=learnt["person_no"].n_unique(),
            outcomes=int(learnt[HAPPENED].sum()),
            seed=spec.training.seed,
            spec_hash=MODELS.hashes[name],
            features=list(fitted.inputs),
            definitions={
                "hashes": standing_on(release),
                "batches": release.batches,
                "code_version": release.code_version,
                "release": release.pk,
            },
            calibration={
                "intercept": fitted.intercept,
                "slope": fitted.slope,
                "rounds": fitted.rounds,
                "bands_from": dict(
                    zip((b.name for b in spec.bands), fitted.cuts, strict=False)
                ),
            },
            performance=figures,
            payload=fitted.to_bytes(),
            in_use=True,
        )
