"""What is known of the feeds behind a release's attributes: the evidence of a figure.

Worked out anew when a file has come or the links have been checked; every figure of a
place asks it.
"""

import base64
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from django.db.models import Max
from pyroaring import BitMap

from dashboards.steps.fitness import Check, Fitness, age, link_gap, submitting
from dashboards.steps.quality_scores import INTERVAL_DAYS
from governance.models import Org
from linkage.definitions import FEEDS
from linkage.feature_definitions import FEATURES, codelists
from linkage.models import FeedQuality, FeedRun, LinkageAudit
from linkage.steps.check_links import link_rate
from linkage.steps.quality import ROW

PEOPLE_FEEDS = ("registered_list", "gp_patient")
GROUPED_BY = {"ethnicity_group": "ethnic groups", "imd_fifth": "deprivation fifths"}
SMALLEST_GROUP = 50  # records; below it a share says more of chance than of linkage


@dataclass(frozen=True)
class Standing:
    """One feed as at a release: the last day it speaks of, and who submitted last."""

    last_on: date | None
    submitters: frozenset[str]
    expected: frozenset[str]


@dataclass(frozen=True)
class Background:
    """What stands behind every figure at this moment."""

    standings: Mapping[str, Standing]
    links: Check


def background() -> Background:
    """What has been loaded, and how the links were found; kept while neither moves."""
    newest = FeedRun.objects.aggregate(Max("pk"))["pk__max"] or 0
    audit = LinkageAudit.objects.aggregate(Max("pk"))["pk__max"] or 0
    return Background(_standings(newest), _links(audit))


def fitness_of(
    attributes: Iterable[str],
    behind: Background,
    *,
    as_of: date,
    practices: Collection[str] = (),
) -> Fitness:
    """The checks of a figure of these attributes; `practices` are those of its place.

    Where several feeds can tell the same, the freshest counts; of several needs, the
    worst does.
    """
    standing = behind.standings
    ages, came = [], []
    for feeds in needs(attributes):
        dated = [n for n in feeds if n in standing and standing[n].last_on]
        if not dated:
            continue
        freshest = max(dated, key=lambda name: standing[name].last_on or date.min)
        ages.append(_age(freshest, standing[freshest], as_of))
        came.append(_came(freshest, standing[freshest], practices))
    return Fitness(
        (
            _worst(ages) or age("", None, None),
            _worst(came) or submitting("", 0, 0),
            behind.links,
        )
    )


def needs(attributes: Iterable[str]) -> list[tuple[str, ...]]:
    """For each thing that the attributes read, the feeds that can tell it."""
    found: set[tuple[str, ...]] = {PEOPLE_FEEDS}
    todo, seen = list(attributes), set()
    by_column = _features_by_column()
    while todo:
        column = todo.pop()
        name = by_column.get(column)
        if name is None or name in seen:
            continue
        seen.add(name)
        spec = FEATURES[name]
        todo += spec.built_on
        settings = getattr(getattr(spec.rule, "use", None), "settings", ())
        found |= {_feeds_of_setting(setting) for setting in settings}
        lists = codelists()
        systems = {lists[each].spec.system for each in spec.codelists if each in lists}
        if systems:
            found.add(_feeds_of_systems(frozenset(systems)))
    return sorted(each for each in found if each)


@lru_cache(maxsize=2)
def _standings(newest_run: int) -> dict[str, Standing]:
    """Every feed that has come; `newest_run` says when to look again."""
    runs = FeedRun.objects.filter(state=FeedRun.State.PUBLISHED, feed__in=list(FEEDS))
    newest: dict[str, tuple[str, set[int]]] = {}
    last: dict[str, date] = {}
    kept = runs.values_list("pk", "feed", "detail", "last_on")
    for pk, feed, detail, last_on in kept:
        period = str(detail.get("period_on", ""))
        if last_on:
            last[feed] = max(last.get(feed, last_on), last_on)
        if feed not in newest or period > newest[feed][0]:
            newest[feed] = (period, {pk})
        elif period == newest[feed][0]:
            newest[feed][1].add(pk)
    submitted: dict[str, dict[str, set[int]]] = {}
    rows = FeedQuality.objects.filter(field=ROW, run__in=runs).exclude(provider="")
    for feed, provider, pk in rows.values_list("run__feed", "provider", "run_id"):
        submitted.setdefault(feed, {}).setdefault(provider, set()).add(pk)
    practices = frozenset(
        Org.objects.filter(kind=Org.Kind.PRACTICE, closed_on__isnull=True).values_list(
            "code", flat=True
        )
    )
    found = {}
    for feed, (_, keys) in newest.items():
        by_provider = submitted.get(feed, {})
        ever = frozenset(by_provider)
        now = frozenset(name for name, pks in by_provider.items() if pks & keys)
        expected = ever | practices if ever & practices else ever
        found[feed] = Standing(last.get(feed), now, expected)
    return found


@lru_cache(maxsize=2)
def _links(newest_audit: int) -> Check:
    """The widest difference of link rates between groups, by the newest check."""
    audit = LinkageAudit.objects.filter(pk=newest_audit).first()
    if audit is None:
        return link_gap(None, "")
    widest: tuple[float, str] | None = None
    for division, words in GROUPED_BY.items():
        rates = []
        for row in audit.numbered:
            mine = (row["division"], row["group"])
            cells = [c for c in audit.cells if (division, c[division]) == mine]
            tried = _records(cells, "tried")
            if tried >= SMALLEST_GROUP:
                again = _records(cells, "right") / tried
                rates.append(link_rate(row["agreed"], row["without"], again))
        if len(rates) > 1:
            gap = (100 * (max(rates) - min(rates)), words)
            widest = max(widest, gap) if widest else gap
    return link_gap(*widest) if widest else link_gap(None, "")


def _records(cells: list[dict[str, str]], outcome: str) -> int:
    return sum(
        len(BitMap.deserialize(base64.b64decode(cell[outcome]))) for cell in cells
    )


def _age(name: str, standing: Standing, as_of: date) -> Check:
    spec = FEEDS[name]
    days = (as_of - standing.last_on).days if standing.last_on else None
    return age(spec.title, max(0, days or 0), INTERVAL_DAYS.get(spec.cadence))


def _came(name: str, standing: Standing, practices: Collection[str]) -> Check:
    expected = standing.expected
    inside = expected & frozenset(practices)
    expected = inside or expected
    title = FEEDS[name].title
    return submitting(title, len(standing.submitters & expected), len(expected))


def _worst(checks: list[Check]) -> Check | None:
    order = {"red": 0, "amber": 1, "green": 2, None: 3}
    return min(checks, key=lambda check: order[check.grade], default=None)


@lru_cache(maxsize=1)
def _features_by_column() -> dict[str, str]:
    return {
        column: name for name, spec in FEATURES.items() for column in spec.columns(name)
    }


@lru_cache(maxsize=64)
def _feeds_of_setting(setting: str) -> tuple[str, ...]:
    return tuple(
        name
        for name, spec in FEEDS.items()
        if any(activity.setting == setting for activity in spec.activities)
    )


@lru_cache(maxsize=64)
def _feeds_of_systems(systems: frozenset[str]) -> tuple[str, ...]:
    return tuple(
        name
        for name, spec in FEEDS.items()
        if any(event.system in systems for event in spec.events)
    )
