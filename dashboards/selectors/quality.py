"""Is the data fit? Coverage, completeness, validity, timeliness and linkage by feed and
by who submits it.

Counts of rows and fields are operational: they say nothing of a person
(governance.disclosure, official series).
"""

import base64
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
from django.db.models import Q
from pyroaring import BitMap

from dashboards.steps.quality_scores import (
    PERIODS,
    core_fields,
    coverage,
    overdue_days,
    quality_scores,
)
from governance import geography
from governance.access import Viewer
from governance.disclosure import Cell, Measure, protect
from governance.models import Org
from linkage.definitions import FEEDS
from linkage.models import FeedQuality, FeedRun, LinkageAudit
from linkage.specs import FeedSpec
from linkage.steps.quality import ROW

NEWEST_PERIODS = 6
SAME = Measure("Same ethnic category in both", per=100)
COUNTS = ("rows", "filled", "valid", "defaults")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class FeedFitness:
    """One feed's quality: as a whole, by provider, by field and over time."""

    name: str
    spec: FeedSpec
    whole: dict[str, Any]
    providers: Rows = field(default_factory=list)
    fields: Rows = field(default_factory=list)
    trend: Rows = field(default_factory=list)

    @property
    def missing(self) -> Rows:
        """Who was expected in the newest period and did not come."""
        return [row for row in self.providers if not row["in_newest"]]


def feeds(on: date) -> list[FeedFitness]:
    """Every feed of which something has come, as a whole."""
    taken_in = FeedRun.objects.filter(state=FeedRun.State.PUBLISHED, rows_in__gt=0)
    come = set(taken_in.values_list("feed", flat=True).distinct())
    return [fitness(name, on) for name in FEEDS if name in come]


def fitness(name: str, on: date, *, only: str | None = None) -> FeedFitness:
    """One feed's quality on a date; `only` narrows it to one provider."""
    spec = FEEDS[name]
    runs = _runs(name)
    counts = _counts(runs)
    if only is not None:
        counts = counts.filter(pl.col("provider") == only)
    core = core_fields(spec)
    came = counts.filter(pl.col("field") == ROW).select("provider", "period").unique()
    expected = _expected(spec, came["provider"]) if only is None else [only]
    covered = coverage(came, expected)
    scores = quality_scores(
        counts, ["provider"], core, covered.select("provider", "coverage")
    )
    last_on = runs["last_on"].max()
    newest = came["period"].max()
    in_newest = set(came.filter(pl.col("period").eq_missing(newest))["provider"])
    whole = _whole(counts, core, covered, expected, in_newest)
    whole |= {
        "last_on": last_on,
        "overdue_days": overdue_days(spec.cadence, last_on, on),  # type: ignore[arg-type]
        "delay_days": runs["delay_days"].median(),
        "newest": newest,
    }
    titles = geography.names()
    providers = [
        row
        | {
            "name": titles.get(row["provider"], row["provider"] or "not stated"),
            "in_newest": row["provider"] in in_newest,
        }
        for row in covered.join(
            scores.drop("coverage"), on="provider", how="left"
        ).iter_rows(named=True)
    ]
    by_field = (
        counts.filter(pl.col("field") != ROW)
        .group_by("field")
        .agg(pl.col(COUNTS).sum())
        .sort("field")
    )
    return FeedFitness(
        name,
        spec,
        whole,
        providers if spec.submitted_by else [],
        [_of_field(row, spec, core) for row in by_field.iter_rows(named=True)],
        quality_scores(counts, ["period"], core).to_dicts(),
    )


def of_provider(code: str, on: date) -> list[FeedFitness]:
    """The quality of every feed that one provider submits, of its rows alone."""
    names = (
        FeedQuality.objects.filter(provider=code, run__state=FeedRun.State.PUBLISHED)
        .values_list("run__feed", flat=True)
        .distinct()
    )
    return [fitness(name, on, only=code) for name in FEEDS if name in set(names)]


def ethnicity(known: Iterable[FeedFitness]) -> Rows:
    """How often each feed says whom it speaks of belongs to which ethnic group."""
    found = []
    for each in known:
        row = next((f for f in each.fields if f["field"] == "ethnicity"), None)
        if row and row["rows"]:
            found.append(
                row
                | {
                    "feed": each.name,
                    "title": each.spec.title,
                    "stated": (row["valid"] - row["defaults"]) / row["rows"],
                    "not_stated": row["defaults"] / row["rows"],
                }
            )
    return found


def agreement(viewer: Viewer) -> Rows:
    """Of each pair of feeds, how often both say the same ethnic category of a person.

    People under protection; from the newest check of the links.
    """
    audit = LinkageAudit.objects.order_by("-pk").first()
    found = []
    for each in audit.agreement if audit else []:
        both, same, group = (
            BitMap.deserialize(base64.b64decode(each[name]))
            for name in ("both", "same", "same_group")
        )
        at = {"one": each["one"], "other": each["other"]}
        published = [
            protect([Cell(at, both, having)], measure=SAME, viewer=viewer).cells[0]
            for having in (same, group)
        ]
        found.append(
            {
                "one": FEEDS[each["one"]].title,
                "other": FEEDS[each["other"]].title,
                "same": published[0],
                "same_group": published[1],
            }
        )
    return found


def _runs(name: str) -> pl.DataFrame:
    """id, period (its first day), last_on, delay_days of the newest periods' files."""
    rows = [
        (pk, detail.get("period_on"), last_on, received_at.date())
        for pk, detail, last_on, received_at in FeedRun.objects.filter(
            feed=name, state=FeedRun.State.PUBLISHED, rows_in__gt=0
        ).values_list("pk", "detail", "last_on", "received_at")
    ]
    frame = pl.DataFrame(
        rows,
        schema={
            "run_id": pl.Int64,
            "period_on": pl.String,
            "last_on": pl.Date,
            "received_on": pl.Date,
        },
        orient="row",
    ).with_columns(pl.col("period_on").str.to_date(strict=False))
    period_on = pl.coalesce("period_on", "received_on")
    every = PERIODS.get(FEEDS[name].cadence)
    period = period_on.dt.truncate(every) if every else period_on
    frame = frame.with_columns(
        period=period,
        delay_days=(pl.col("received_on") - period_on).dt.total_days().clip(0),
    )
    newest = frame["period"].unique().sort().tail(NEWEST_PERIODS)
    return frame.filter(pl.col("period").is_in(newest.implode()))


def _counts(runs: pl.DataFrame) -> pl.DataFrame:
    """provider, field, period and the counts of these runs."""
    rows = FeedQuality.objects.filter(run__in=runs["run_id"].to_list()).values_list(
        "run_id", "provider", "field", *COUNTS
    )
    frame = pl.DataFrame(
        list(rows),
        schema={
            "run_id": pl.Int64,
            "provider": pl.String,
            "field": pl.String,
            **dict.fromkeys(COUNTS, pl.Int64),
        },
        orient="row",
    )
    return frame.join(runs.select("run_id", "period"), on="run_id")


def _expected(spec: FeedSpec, came: Collection[str]) -> list[str]:
    """Who should submit: all who have lately; of practices' feeds every open one."""
    known = set(came)
    if not spec.submitted_by:
        return sorted(known)
    practices = Org.objects.filter(kind=Org.Kind.PRACTICE)
    if practices.filter(code__in=known).exists():
        open_ones = practices.filter(Q(closed_on__isnull=True))
        known |= set(open_ones.values_list("code", flat=True))
    return sorted(known)


def _whole(
    counts: pl.DataFrame,
    core: list[str],
    covered: pl.DataFrame,
    expected: Collection[str],
    in_newest: set[str],
) -> dict[str, Any]:
    every = counts.with_columns(all=pl.lit("all"))
    mean = covered["coverage"].mean()
    known = pl.DataFrame({"all": ["all"], "coverage": [mean]})
    scores = quality_scores(every, ["all"], core, known.cast({"coverage": pl.Float64}))
    found = scores.row(0, named=True) if scores.height else {}
    return {
        "rows": 0,
        "complete": None,
        "valid": None,
        "linked": None,
        "in_order": None,
        "dqmi": None,
        **found,
        "expected": len(expected),
        "submitting": len(in_newest & set(expected)),
        "coverage": mean,
    }


def _of_field(row: dict[str, Any], spec: FeedSpec, core: list[str]) -> dict[str, Any]:
    rows, filled = row["rows"], row["filled"]
    return row | {
        "header": spec.columns[row["field"]].headers[0]
        if row["field"] in spec.columns
        else row["field"],
        "is_core": row["field"] in core,
        "complete": filled / rows if rows else None,
        "usable": row["valid"] / filled if filled else None,
    }
