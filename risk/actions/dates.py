"""One shard's people as they were at past dates, and what came of them since."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
from django.conf import settings

from linkage.models import Release
from linkage.release import rows
from linkage.release.actions import features_of
from linkage.release.store import Shard
from risk.specs import ModelSpec
from risk.steps.gather import gather
from risk.steps.outcome import register_of
from risk.store import read_deaths, read_treatments

# What outcomes read of activity.
OF_OUTCOMES = ("person_no", "setting", "kind", "urgency", "start_on", "cost_gbp")


def index_days(models: Iterable[ModelSpec]) -> list[int]:
    """The index dates of some models, in days before that of a release."""
    return sorted(
        {d for m in models for d in (*m.training.train_days, m.training.test_days)}
    )


def wanted(
    models: Iterable[ModelSpec], at: Iterable[int] | None = None
) -> dict[int, set[str]]:
    """What the models ask of each date, or of those `at`, in days before a release."""
    found: dict[int, set[str]] = defaultdict(set)
    for spec in models:
        for days in index_days([spec]) if at is None else at:
            found[days] |= {*spec.features, *spec.audit_by, "age_years"}
    return found


class Dates:
    """One shard's features as at days before a release's date, each derived once.

    The shard is read once, up to the release's date: what became known after an
    earlier date is not used for it. `columns` says what is asked of which date.
    """

    def __init__(
        self, release: Release, shard: int, columns: Mapping[int, set[str]]
    ) -> None:
        self.release, self.as_of, self.columns = release, release.as_of, columns
        self._read = rows.up_to(release, shard, self.as_of)
        self.rows = self._read.rows
        self._known: dict[int, pl.DataFrame] = {}
        self._registers: dict[int, pl.DataFrame] = {}

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

    def registers(self, days: int, joined: Iterable[str]) -> pl.DataFrame:
        """Return who had come onto registers by a date, with those who had died or
        left by then: being found to have it came first.

        Asked again of the same date, `joined` must be the same.
        """
        if days not in self._registers:
            columns = {name for each in joined for name in register_of(each)}
            self._registers[days], _ = features_of(
                _as_if_all_stayed(self._read),
                self.as_of - timedelta(days=days),
                only=columns,
                release=self.release,
            )
        return self._registers[days]


def _as_if_all_stayed(read: Shard) -> Shard:
    """A shard in which nobody dies or moves away, for what their records say."""
    ever = pl.lit(None, pl.Date)
    return replace(
        read,
        person=read.person.with_columns(died_on=ever),
        registration=read.registration.with_columns(end_on=ever),
        residence=read.residence.with_columns(end_on=ever),
    )


def gathered(
    dates: Dates, shard: int, models: Mapping[str, ModelSpec]
) -> Iterable[tuple[int, pl.DataFrame]]:
    """Yield the people of each date that `dates` was made for (in days before the
    release's), with what came of them: see `risk.steps.gather`."""
    deaths, treatments = read_deaths(shard), read_treatments(shard)
    as_of = dates.as_of
    # The outcome is what is known of it today, late records and all.
    activity = dates.activity(since=as_of - timedelta(days=max(dates.columns)))
    for days in sorted(dates.columns):
        mine = {n: s for n, s in models.items() if days in index_days([s])}
        yield (
            days,
            gather(
                dates.features(days),
                deaths,
                activity,
                mine,
                index_on=as_of - timedelta(days=days),
                shards=settings.SHARDS,
                later=onsets(dates, days, mine),
                treatments=treatments,
            ),
        )


def onsets(
    dates: Dates, days: int, models: Mapping[str, ModelSpec]
) -> dict[str, pl.DataFrame]:
    """Return, of models of an onset, the registers as at the end of their horizons."""
    joined: dict[int, list[str]] = defaultdict(list)
    ends = {}
    for name, spec in models.items():
        if spec.outcome.joins:
            ends[name] = days - spec.outcome.horizon_days
            joined[ends[name]].append(spec.outcome.joins)
    return {name: dates.registers(end, joined[end]) for name, end in ends.items()}
