"""Say in words why a person is in their segment: element, feature, value, date."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from linkage.steps.evidence import CodeEvidence
from segmentation.specs import ElementSpec, SchemeSpec, SegmentSpec
from segmentation.steps.assign import met

Value = str | float | bool | date | None


@dataclass(frozen=True)
class Evidence:
    """One feature that speaks for an element: its value, since when, by which code."""

    feature: str
    value: Value
    since: date | None
    code: CodeEvidence | None = None


@dataclass(frozen=True)
class Reason:
    """One element that a person has, with the features that say so.

    `decides` marks the one that put the person in the segment; the others are true
    as well but stand lower in precedence.
    """

    element: str
    title: str
    segment: str
    decides: bool
    since: date | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Explanation:
    """A person's segment and every reason that holds, highest precedence first."""

    segment: str
    title: str
    words: str
    reasons: tuple[Reason, ...]


def explain(person: Mapping[str, Value], scheme: SchemeSpec) -> Explanation:
    """Explain the segment of one person from their features.

    `person` maps feature names to values and needs every feature of the scheme;
    KeyError names the one that is missing. Agrees with `assign` by construction:
    both read the elements through `met`.
    """
    absent = [name for name in scheme.features if name not in person]
    if absent:
        raise KeyError(f"the scheme reads {', '.join(absent)}")
    row = pl.DataFrame({name: [person[name]] for name in scheme.features})
    flags = row.select(met(e).alias(e.name) for e in scheme.elements)
    holding = flags.row(0, named=True)
    reasons: list[Reason] = []
    placed: SegmentSpec | None = None
    for segment in scheme.segments:
        for element in segment.elements:
            if holding[element.name]:
                placed = placed or segment
                reasons.append(_reason(element, segment, person, first=not reasons))
    placed = placed or scheme.segments[-1]
    return Explanation(placed.name, placed.title, placed.words, tuple(reasons))


def _reason(
    element: ElementSpec,
    segment: SegmentSpec,
    person: Mapping[str, Value],
    *,
    first: bool,
) -> Reason:
    # A flag that is not set is no evidence (a zero is): a count lists what counted.
    evidence = tuple(
        Evidence(name, person[name], _date(person, element.dates.get(name)))
        for name in element.tested
        if person[name] is not None and person[name] is not False
    )
    return Reason(
        element.name,
        element.title,
        segment.name,
        decides=first,
        since=_date(person, element.since),
        evidence=evidence,
    )


def _date(person: Mapping[str, Value], name: str | None) -> date | None:
    found = person[name] if name else None
    return found if isinstance(found, date) else None
