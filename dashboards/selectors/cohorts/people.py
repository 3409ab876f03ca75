"""A cohort used as a list: a team's own people who are in it, each with the reasons.

The rows come under row-level security and after the audit row; people are named by
references sealed for this team.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from pyroaring import BitMap

from dashboards.opt_outs import KINDS
from dashboards.selectors.cohorts.asking import CohortAsked
from dashboards.selectors.lenses import worded
from dashboards.selectors.worklist import reference
from dashboards.selectors.worklist_told import natural_frequency
from dashboards.steps.shortlist import written
from governance import audit, pseudonym
from linkage.release.catalogue import Attribute
from linkage.release.selectors import profile_rows
from segmentation.cohorts.specs import criteria, features_of

PAGE = 50
ORDER = "risk_emergency_12m"


@dataclass(frozen=True)
class Listed:
    """One person of the list. `reference` is sealed for this team and purpose."""

    reference: str
    practice_name: str
    reasons: list[str]
    chance: str
    person_no: int = field(repr=False)

    @property
    def short(self) -> str:
        return pseudonym.short(self.reference)


@dataclass(frozen=True)
class PeoplePage:
    """One page of a list, who was left out of all of it, and whether more follow."""

    people: list[Listed]
    total: int
    opted_out: int
    first: int
    has_more: bool


def people(cohort: CohortAsked, *, first: int = 0) -> PeoplePage:
    """Return the cohort's people of the viewer's own list, highest risk first.

    An opt-out closes the uses that honour it, as on a person's page: as the release
    knew it, and as the store knows it now.
    """
    asked = cohort.asked
    viewer, release = asked.viewer, asked.release
    everybody = before_opt_outs(cohort)
    opted: BitMap = release.opted_out | BitMap()
    if honoured := viewer.standing.honoured("rows"):
        known = [n for n, kind in KINDS.items() if kind in honoured]
        flags = [release.bitmap(n) for n in known if n in release.catalogue]
        opted = BitMap.union(opted, *flags)
    allowed = cohort.members - opted
    ordered = in_order(cohort, allowed)
    chosen = ordered[first : first + PAGE]
    audit.record(
        "cohort_people_viewed",
        viewer,
        subject=cohort.title[:200],
        persons=len(chosen),
        seen=chosen,
        release=release.id,
    )
    features = reasons_of(cohort)
    dates = {name: dated_by(name, release.catalogue) for name in features}
    wanted = {*features, *filter(None, dates.values())}
    wanted |= {ORDER} & {*release.catalogue}
    rows = profile_rows(viewer, chosen, release_id=release.id, attributes=wanted)
    by_number = {row["person_no"]: row for row in rows.iter_rows(named=True)}
    names = asked.geography.names
    shown = [
        Listed(
            reference=reference(viewer, number),
            practice_name=names.get(row["practice_code_now"], "No practice"),
            reasons=[
                _reason(release.attribute(name), row[name], row.get(dates[name] or ""))
                for name in features
            ],
            chance=natural_frequency(row.get(ORDER)),
            person_no=number,
        )
        for number in chosen
        if (row := by_number.get(number)) is not None
    ]
    return PeoplePage(
        people=shown,
        total=len(allowed),
        opted_out=len(everybody) - len(allowed),
        first=first,
        has_more=first + PAGE < len(ordered),
    )


def before_opt_outs(cohort: CohortAsked) -> BitMap:
    """Return the cohort's people as if nobody had opted out, for counting alone."""
    asked = cohort.asked
    whole = asked.release.whole
    if whole is None:
        return cohort.members
    geography = replace(asked.geography, release=whole)
    place, _ = geography.chosen(asked.viewer, asked.place.code)
    entire = replace(asked, release=whole, geography=geography, place=place)
    return replace(cohort, asked=entire).members


def in_order(cohort: CohortAsked, allowed: BitMap) -> list[int]:
    """Return people by falling risk where the release knows it, else by number."""
    numbers = list(allowed)
    if ORDER not in cohort.asked.release.catalogue:
        return numbers
    risks = cohort.asked.release.take(ORDER, allowed).tolist()
    # Unknown risk (NaN is not equal to itself) stands last.
    ranked = sorted(
        zip(numbers, risks, strict=True),
        key=lambda pair: (pair[1] != pair[1], -pair[1] if pair[1] == pair[1] else 0),
    )
    return [number for number, _ in ranked]


def reasons_of(cohort: CohortAsked) -> list[str]:
    """Return the features that the definition reads, in its own order."""
    named = [name for each in criteria(cohort.who) for name in features_of(each)]
    known = cohort.asked.release.catalogue
    return [name for name in dict.fromkeys(named) if name in known]


def dated_by(name: str, catalogue: Collection[str]) -> str | None:
    """Return the attribute that says since or on which day another one holds."""
    stem = name.removeprefix("has_").removeprefix("on_").removeprefix("is_")
    asked = (f"{name}_on", f"{stem}_since", f"{name}_since")
    return next((each for each in asked if each in catalogue), None)


def _reason(attribute: Attribute, value: Any, day: date | None) -> str:
    if isinstance(value, str):
        value = worded(value)
    unit = f" {attribute.unit}" if value is not None and attribute.unit else ""
    if attribute.unit == "£" and value is not None:
        return f"{attribute.title}: £{written(round(value))}"
    dated = f", {written(day)}" if day is not None and value else ""
    return f"{attribute.title}: {written(value)}{unit}{dated}"
