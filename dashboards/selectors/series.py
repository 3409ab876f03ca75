"""Published series: which are loaded, of which places, and what was asked of one.

Nothing here counts this platform's persons: the figures are published already
(governance.disclosure, official series), and anybody who signs in may see them.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import Any

import polars as pl
from django.db.models import Avg, Count, Max, Min, Sum

from governance import geography
from governance.access import Viewer
from governance.models import Area, AreaLink, Org, OrgLink
from linkage.definitions import HERE, SERIES
from linkage.models import FeedRun, SeriesArea, SeriesValue
from linkage.release import selectors as release
from linkage.series_specs import SeriesSpec

ENGLAND = "E92000001"
WIDER = ("council", "district", "ward", "msoa")


@dataclass(frozen=True)
class Loaded:
    """One series of the list: what it is and what has been loaded of it."""

    name: str
    spec: SeriesSpec
    files: int
    rows: int
    first_on: date | None
    last_on: date | None


def listing() -> list[Loaded]:
    """Every defined series, those that have been loaded first."""
    found = {
        row["feed"]: row
        for row in FeedRun.objects.filter(
            state=FeedRun.State.PUBLISHED, feed__in=list(SERIES)
        )
        .values("feed")
        .annotate(rows=Sum("loaded"), a=Min("first_on"), z=Max("last_on"), n=Max("pk"))
    }
    made = [
        Loaded(
            name,
            spec,
            FeedRun.objects.filter(feed=name).count() if name in found else 0,
            found.get(name, {}).get("rows", 0),
            found.get(name, {}).get("a"),
            found.get(name, {}).get("z"),
        )
        for name, spec in SERIES.items()
    ]
    return sorted(made, key=lambda each: (not each.rows, each.spec.title))


def became() -> dict[str, str]:
    """What each changed code of an organisation or area is now, where it is one code.

    From `code_changes.csv` and the successors that the reference data give. A code that
    was split stays as it was: its figures cannot be shared out.
    """
    links = (
        model.objects.filter(kind="successor").aggregate(n=Count("pk"), last=Max("pk"))
        for model in (OrgLink, AreaLink)
    )
    return dict(_became(*(each[name] for each in links for name in ("n", "last"))))


@lru_cache(maxsize=2)
def _became(*_links: int) -> dict[str, str]:
    """Worked out anew when a successor has come or gone: one page asks many times."""
    with (HERE / "code_changes.csv").open(encoding="utf-8") as file:
        found = {row["old_code"]: row["new_code"] for row in csv.DictReader(file)}
    found |= geography.renamed()
    settled = {}
    for code in found:
        new, seen = found[code], {code}
        while new in found and new not in seen:
            seen.add(new)
            new = found[new]
        settled[code] = new
    return settled


@dataclass(frozen=True)
class Question:
    """What was asked of one series: a measure or rate, a breakdown, a place.

    `within` names areas of the series whose figures together are the place's. `as_of`
    is the day by which the age of the figures is judged.
    """

    name: str
    measure: str
    breakdown: str
    area: str
    within: frozenset[str] = frozenset()
    as_of: date | None = None

    @property
    def spec(self) -> SeriesSpec:
        return SERIES[self.name]

    @cached_property
    def became(self) -> dict[str, str]:
        return became()

    @cached_property
    def parts(self) -> list[str]:
        """The measures that the answer is made of."""
        rate = self.spec.rates.get(self.measure)
        return [rate.count, rate.out_of] if rate else [self.measure]

    @cached_property
    def adds_up(self) -> bool:
        """Whether figures of several places make one of all of them."""
        return all(self.spec.measures[part].adds != "none" for part in self.parts)

    def codes(self) -> list[str]:
        """The published codes whose figures are this place's: its own, older ones, and
        those of the small areas within it."""
        inside = {self.area, *self.within}
        if self.spec.area.kind == "lsoa" and self.adds_up:
            inside |= small_areas_in(self.area)
        return sorted(
            inside | {old for old, new in self.became.items() if new in inside}
        )

    def values(self, codes: Iterable[str], *, every: bool = False) -> pl.DataFrame:
        """measure, breakdown, start_on, value of some places; `every` breakdown."""
        rows = SeriesValue.objects.filter(
            series=self.name, measure__in=self.parts, area_code__in=list(codes)
        )
        if not every:
            rows = rows.filter(breakdown=self.breakdown)
        return _frame(rows.values_list("measure", "breakdown", "start_on", "value"))

    def last_published(self, codes: Iterable[str], *, since: date) -> dict[str, date]:
        """The newest period of each place, as its code is now, that has a value after
        a day; of every place of the series where no codes are given."""
        rows = SeriesValue.objects.filter(
            series=self.name,
            measure__in=self.parts,
            breakdown=self.breakdown,
            start_on__gt=since,
            value__isnull=False,
        )
        if codes := list(codes):
            rows = rows.filter(area_code__in=codes)
        found: dict[str, date] = {}
        newest = rows.values_list("area_code").annotate(last=Max("start_on"))
        for code, last in newest.order_by("area_code"):
            now = self.became.get(code, code)
            found[now] = max(last, found.get(now, last))
        return found

    def of_england(self, *, every: bool = False) -> pl.DataFrame:
        """The same for England: every place's figures together; what is withheld is
        left out. Empty where figures do not add up."""
        if not self.adds_up or self.spec.area.kind == "country":
            return _frame([])
        rows = SeriesValue.objects.filter(series=self.name, measure__in=self.parts)
        if not every:
            rows = rows.filter(breakdown=self.breakdown)
        how = Avg if self.spec.record else Sum
        summed = rows.values("measure", "breakdown", "start_on").annotate(
            n=how("value")
        )
        return _frame(summed.values_list("measure", "breakdown", "start_on", "n"))


def asked(name: str, given: Mapping[str, str], viewer: Viewer) -> Question:
    """Read a page's address; what it does not say, or says wrongly, is chosen."""
    spec = SERIES[name]
    names = [*spec.rates, *spec.measures]
    measure = given.get("measure", "")
    measure = measure if measure in names else names[0]
    breakdown = given.get("breakdown", "")
    if breakdown not in breakdowns(name):
        breakdown = usual_breakdown(name)
    area = given.get("area", "").strip()
    area = area or usual_area(name, viewer)
    return Question(name, measure, breakdown, area, as_of=_data_date())


def usual_breakdown(name: str) -> str:
    """The breakdown that stands for all, else the first; "" where rows carry none."""
    known = breakdowns(name)
    whole = next((each for each in known if "total" in each.lower()), "")
    return whole or (known[0] if known else "")


def _data_date() -> date | None:
    live = release.current()
    return None if live is None else live.as_of


def breakdowns(name: str) -> list[str]:
    """The breakdowns that the loaded rows of a series carry, in order."""
    rows = SeriesValue.objects.filter(series=name).values_list("breakdown", flat=True)
    return sorted(rows.distinct())


def areas(name: str) -> dict[str, str]:
    """The places of a series as they are called now, by code, in order of name."""
    now = became()
    spec = SERIES[name]
    rows = SeriesValue.objects.filter(series=name).values_list("area_code", flat=True)
    codes = {now.get(code, code) for code in rows.distinct()}
    if spec.area.kind == "lsoa":
        codes = wider_areas()
    named = names_of(codes)
    return {code: named[code] for code in sorted(codes, key=lambda c: named[c].lower())}


def names_of(codes: Iterable[str]) -> dict[str, str]:
    """What each code is called: by the reference data, else by the publisher."""
    codes, changed = set(codes), became()
    wanted = codes | {old for old, new in changed.items() if new in codes}
    published = dict(
        SeriesArea.objects.filter(code__in=wanted).values_list("code", "name")
    )
    for old, new in changed.items():
        if old in published:
            published.setdefault(new, published[old])
    areas = Area.objects.filter(code__in=codes).values_list("code", "name")
    orgs = Org.objects.filter(code__in=codes).values_list("code", "name")
    by_ons = Org.objects.filter(ons_code__in=codes).values_list("ons_code", "name")
    known = dict(areas) | dict(orgs) | dict(by_ons)
    england = {ENGLAND: "England", "K04000001": "England and Wales"}
    england |= {"K02000001": "United Kingdom"}
    said = published | known | england
    return {code: said.get(code, code) for code in codes}


def usual_area(name: str, viewer: Viewer) -> str:
    """The viewer's own place where the series has it, else its first."""
    known = areas(name)
    own = Org.objects.filter(code=viewer.org_code).values_list("code", "ons_code")
    now = became()
    for codes in own:
        for code in codes:
            if now.get(code, code) in known:
                return now.get(code, code)
    inside = sorted(viewer.practice_codes & set(known))
    return inside[0] if inside else next(iter(known), "")


def wider_areas() -> set[str]:
    """The codes of the areas that hold small ones: councils and districts."""
    frame = _small_areas()
    return {
        code
        for level in ("council", "district")
        for code in frame[f"{level}_code"].drop_nulls().unique()
    }


def small_areas_in(code: str) -> set[str]:
    """The LSOAs that lie in an area."""
    frame = _small_areas()
    inside = pl.any_horizontal(pl.col(f"{level}_code") == code for level in WIDER)
    return set(frame.filter(inside)["lsoa_code"])


def _small_areas() -> pl.DataFrame:
    last = SeriesValue.objects.aggregate(Max("received_on"))["received_on__max"]
    return geography.resident_hierarchy(last or date.max)


def _frame(rows: Iterable[tuple[Any, ...]]) -> pl.DataFrame:
    schema = {
        "measure": pl.String,
        "breakdown": pl.String,
        "start_on": pl.Date,
        "value": pl.Float64,
    }
    return pl.DataFrame(list(rows), schema=schema, orient="row")
