"""Sentences made from published values: what a figure shows, said before it is drawn.

Only what has passed disclosure control is said, and only differences that chance
hardly explains are called differences.
"""

from collections.abc import Sequence

from dashboards import wording
from dashboards.steps.xmr import Control
from governance.disclosure import Measure, PublishedCell


def figure_in_words(cell: PublishedCell, measure: Measure) -> str:
    """Write a rate with its unit: 23.1%, £1,234 a head, 92.4 per 1,000 people."""
    if cell.rate is None:
        return "a number too small to show"
    if measure.unit == "£":
        return f"{wording.pounds(cell.rate)} a head"
    if measure.per == 100:
        return wording.percent(cell.rate / 100)
    return f"{wording.number(cell.rate)} per {measure.per:,} people"


CHANGES = {
    "common": "no more than its ordinary variation",
    "improvement": "better than its own past",
    "concern": "worse than its own past",
    "neither": "different from its own past",
}


def against_its_past(
    name: str, value: float, measure: Measure, when: str, control: Control
) -> str:
    """Say the newest point of a control chart, and what kind of change it is."""
    said = as_published(name, value, measure, when)
    return f"{said}, {CHANGES[control.latest(measure.better)]}"


def as_published(name: str, value: float, measure: Measure, when: str) -> str:
    """Say one published figure: "Beds occupied in …: 93.1% in Mar 2024"."""
    unit = "%" if measure.unit == "%" else ""
    return f"{measure.title} in {name}: {wording.amount(value)}{unit} in {when}"


def direction(mine: PublishedCell, theirs: PublishedCell) -> int:
    """Return 1 or −1 where the comparator lies outside our 95% interval, else 0.

    Amounts of money carry no interval: a difference of 5% counts there.
    """
    if mine.rate is None or theirs.rate is None:
        return 0
    low, high = mine.lower, mine.upper
    if low is None or high is None:
        low, high = mine.rate * 0.95, mine.rate * 1.05
    if theirs.rate < low:
        return 1
    return -1 if theirs.rate > high else 0


def is_apart(high: PublishedCell, low: PublishedCell) -> bool:
    """Whether two groups' 95% intervals do not touch (money: more than 5% apart).

    Stricter than `direction`, because the pair was picked as the extremes of many.
    """
    if high.lower is None or low.upper is None:
        return bool(direction(high, low))
    return high.lower > low.upper


def against(
    name: str, mine: PublishedCell, theirs: PublishedCell | None, measure: Measure
) -> str:
    """Say a place's figure beside the system's: "…, higher than 84.1 in the system"."""
    said = figure_in_words(mine, measure)
    if theirs is None or theirs.rate is None or mine.rate is None:
        return f"{measure.title} in {name}: {said}"
    other = figure_in_words(theirs, measure)
    words = {1: "higher than", -1: "lower than", 0: "much like"}
    how = words[direction(mine, theirs)]
    return f"{measure.title} in {name}: {said}, {how} {other} in the whole system"


def gap(cells: Sequence[tuple[str, PublishedCell]], measure: Measure, name: str) -> str:
    """Say where a measure is highest and lowest among the values of a lens."""
    shown = [(label, cell) for label, cell in cells if cell.rate is not None]
    if len(shown) < 2:
        return f"{measure.title} in {name}: too few people to compare groups"
    ordered = sorted(shown, key=lambda pair: pair[1].rate or 0.0)
    (low_label, low), (high_label, high) = ordered[0], ordered[-1]
    if not is_apart(high, low):
        return f"{measure.title} in {name}: no group differs by more than chance"
    return (
        f"{measure.title} in {name}: highest for {low_case(high_label)},"
        f" {figure_in_words(high, measure)}; lowest for {low_case(low_label)},"
        f" {figure_in_words(low, measure)}"
    )


def exceptions(
    higher: Sequence[str], lower: Sequence[str], total: int, measure: Measure, kind: str
) -> str:
    """Say how many places lie outside what chance allows, and which way."""
    if not total:
        return f"{measure.title}: no {singular(kind)} has enough people to compare"
    if not higher and not lower:
        return (
            f"{measure.title}: none of {total} {plural(kind)} differs from the system"
            " by more than chance"
        )
    parts = []
    if higher:
        parts.append(f"{listed(higher)} {_is(higher)} higher")
    if lower:
        parts.append(f"{listed(lower)} {_is(lower)} lower")
    return f"{measure.title}: {' and '.join(parts)} than chance allows"


def change(now: PublishedCell, before: PublishedCell, measure: Measure) -> str:
    """Say how a rate moved against the year before; "" where it is not known."""
    if now.rate is None or before.rate is None or not before.rate:
        return ""
    was = figure_in_words(before, measure)
    way = direction(now, before)
    if not way:
        return f"no clear change on the year before ({was})"
    moved = abs(now.rate / before.rate - 1)
    return f"{'up' if way > 0 else 'down'} {moved:.0%} on the year before ({was})"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Write names as a list in words; beyond `most`, how many others there are."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} others"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


PLURALS = {
    "practice": "practices",
    "pcn": "primary care networks",
    "place": "places",
    "district": "districts",
    "council": "councils",
}


def singular(kind: str) -> str:
    """Write a kind of place in full: "pcn" is "primary care network"."""
    return "primary care network" if kind == "pcn" else kind


def plural(kind: str) -> str:
    """Write a kind of place in the plural: "pcn" is "primary care networks"."""
    return PLURALS[kind]


def low_case(label: str) -> str:
    """Put a label into a running sentence: only a capitalised word is lowered."""
    first, _, rest = label.partition(" ")
    is_plain = first[1:].islower() and bool(rest)
    return f"{first.lower()} {rest}" if is_plain else label
