"""Where is risk higher, and what would a list of a given size hold?"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap

from dashboards import wording
from dashboards.charts import ChartSpec, Dimension
from dashboards.charts.table import Column, Table
from dashboards.selectors.asked import PLACE, Asked
from dashboards.selectors.indicators import divided
from dashboards.selectors.lenses import FIFTHS
from governance.disclosure import Cell, Measure
from governance.models import Org
from linkage.release import selectors as release
from linkage.release.selectors import ReleaseView
from risk import selectors as risk
from risk.definitions import MODELS
from risk.steps.reasons import frequency

NAME = "emergency_admission"
HIGH = ("very high", "high")
WEEKS = 4
MOST_PER_WEEK = 500
TIMES = (0.5, 1, 2, 4)
SHARE = Measure("Adults in the band", per=100)
HIGH_SHARE = Measure("Adults in the high or very high band", per=100)


def is_available(asked: Asked) -> bool:
    """Whether this release holds the model's figures."""
    spec = MODELS[NAME]
    catalogue = asked.release.catalogue
    return {spec.attribute, spec.band_attribute} <= set(catalogue) and bool(
        asked.place.people & asked.release.known(spec.attribute)
    )


def figures(asked: Asked) -> list[ChartSpec]:
    """Return the pyramid of bands, and who is in the upper ones."""
    found = [bands(asked)]
    for attribute in ("imd_fifth", "segment"):
        if attribute in asked.release.catalogue:
            found.append(high_by(asked, attribute))
    return found


def bands(asked: Asked) -> ChartSpec:
    """Return the adults of the place and of the whole system by band of risk."""
    spec = MODELS[NAME]
    known = asked.release.known(spec.attribute)
    cells = [
        Cell(
            {PLACE: place.code, "band": band.name},
            place.people & known,
            place.people & asked.release.bitmap(spec.band_attribute, band.name),
        )
        for place in asked.compared
        for band in spec.bands
    ]
    return ChartSpec(
        key="risk-bands",
        kind="bars",
        title=f"Adults by band of risk in {asked.place.name}",
        published=asked.publish(cells, SHARE),
        category=Dimension(
            "band", "Band", {band.name: band.title for band in spec.bands}
        ),
        series=asked.series,
        period=asked.at_date,
        evidence=asked.evidence([spec.attribute], caveat="See the model's card"),
        definition=spec.words,
    )


def high_by(asked: Asked, attribute: str) -> ChartSpec:
    """Return the share of adults in the upper bands, by an attribute's values."""
    spec = MODELS[NAME]
    known = asked.release.known(spec.attribute)
    high = asked.release.any_of(spec.band_attribute, HIGH)
    category, sets = divided(asked, attribute)
    cells = [
        Cell(
            {PLACE: place.code, attribute: value},
            place.people & people & known,
            place.people & people & high,
        )
        for place in asked.compared
        for value, people in sets.items()
    ]
    return ChartSpec(
        key=f"high-risk-by-{attribute.replace('_', '-')}",
        kind="bars",
        title=f"Who is at high risk, by {category.title.lower()}",
        published=asked.publish(cells, HIGH_SHARE),
        category=category,
        series=asked.series,
        period=asked.at_date,
        evidence=asked.evidence([spec.attribute, attribute]),
        definition=spec.words,
    )


def movements(asked: Asked) -> list[Table]:
    """Return where the people of each band were in every earlier release that is kept.

    Of adults of the place who have a figure in both, the newest release first.
    """
    band = MODELS[NAME].band_attribute
    return [
        _movement(asked, before)
        for before in release.earlier()
        if band in before.catalogue
    ]


def _movement(asked: Asked, before: ReleaseView) -> Table:
    spec = MODELS[NAME]
    rows = []
    for band in spec.bands:
        now = asked.place.people & asked.release.bitmap(spec.band_attribute, band.name)
        now &= before.known(spec.attribute)
        cells = asked.publish(
            [
                Cell(
                    {"now": band.name, "before": then.name},
                    now,
                    now & before.bitmap(spec.band_attribute, then.name),
                )
                for then in spec.bands
            ],
            Measure("People", per=100),
        ).cells
        shares = (
            each.hidden or ("none" if each.rate is None else f"{each.rate:.0f}%")
            for each in cells
        )
        rows.append((band.title, *shares))
    return _table(
        f"Where the people of each band were at {wording.day(before.as_of)}",
        ("Band now", *(f"Was {band.name}" for band in spec.bands)),
        rows,
    )


def expected_and_observed(asked: Asked) -> Table | None:
    """Return what was expected and what happened in each practice of the place.

    Of the people the model was tried on; the practices furthest from 1 come first.
    None before a model is trained.
    """
    card = risk.model_card(NAME)
    if card is None:
        return None
    groups = card.performance["groups"].get("practice_code", {})
    names = dict(Org.objects.values_list("code", "name"))
    judged = [
        (code, found)
        for code, found in groups.items()
        if not found.get("too_few")
        and asked.place.people & asked.release.bitmap("practice_code", code)
    ]
    judged.sort(key=lambda each: -abs(each[1]["observed_over_expected"] - 1))
    rows = []
    for code, found in judged:
        low, high = found["interval"]
        side = "more than expected" if low > 1 else "fewer than expected"
        rows.append(
            (
                names.get(code, code),
                f"{found['observed_over_expected']:.2f}",
                f"{low:.2f} to {high:.2f}",
                side if low > 1 or high < 1 else "no more than chance allows",
            )
        )
    columns = (
        Column("Practice", False),
        Column("Observed / expected", True),
        Column("95% interval", True),
        Column("In words", False),
    )
    return Table(
        "Emergency admissions observed against expected, from"
        f" {card.performance['tested_on']}",
        columns,
        tuple(rows),
        ("Practices with too few admissions to judge are left out.",),
    )


@dataclass(frozen=True)
class Explored:
    """What lists of several sizes would hold, and whom another order would drop."""

    per_week: int
    sentence: str
    sizes: Table
    equity: Table
    swap: str


def explore(asked: Asked, per_week: int) -> Explored:
    """Return what a list for a capacity of so many reviews a week would hold.

    Lists are for four weeks; beside it are lists of half, twice and four times the
    size. Everything counted passes disclosure control, and of a list whose size is
    hidden nothing else is told: its chances would be those of a few people.
    """
    spec = MODELS[NAME]
    people = asked.place.people & asked.release.known(spec.attribute)
    members = np.frombuffer(people.to_array(), dtype=np.uint32)
    risks = asked.release.take(spec.attribute, people).astype(np.float64)
    order = np.argsort(-risks, kind="stable")
    size = max(1, min(per_week * WEEKS, len(members)))
    rows, reach = [], ""
    for times in TIMES:
        n = max(1, min(round(size * times), len(members)))
        chosen = order[:n]
        (cell,) = asked.publish(
            [Cell({}, people, BitMap(members[chosen]))], Measure("Listed", per=100)
        ).cells
        expected = float(risks[chosen].sum())
        told = (
            wording.count(cell.count),
            f"{risks[chosen[-1]]:.0%}",
            f"{expected / n:.0%}",
            f"{expected / max(float(risks.sum()), 1e-9):.0%}",
        )
        if cell.hidden:
            told = (cell.hidden, "hidden", "hidden", "hidden")
        rows.append((f"{per_week * times:g} a week", *told))
        if times == 1:
            reach = "" if cell.hidden else _reach(float(risks[chosen[-1]]))
    listed = BitMap(members[order[:size]])
    return Explored(
        per_week,
        f"For {per_week} reviews a week, a list of {WEEKS} weeks"
        + (reach or " would hold too few people to tell how far down it reaches."),
        _table(
            f"Lists of {WEEKS} weeks by capacity",
            (
                "Capacity",
                "People listed",
                "Lowest chance on it",
                "Of whom admitted, expected",
                "Of all admissions, expected",
            ),
            rows,
        ),
        _equity(asked, people, listed),
        _swap(asked, people, listed, size),
    )


def _reach(least: float) -> str:
    return f" reaches down to a chance of {least:.0%} ({frequency(least)})."


def _equity(asked: Asked, people: BitMap, listed: BitMap) -> Table:
    """Return each deprivation fifth's share of adults, and of the list."""
    rows = []
    for fifth, words in FIFTHS.items():
        mine = asked.release.bitmap("imd_fifth", fifth)
        both = asked.publish(
            [
                Cell({"of": "all"}, people, people & mine),
                Cell({"of": "list"}, listed, listed & mine),
            ],
            Measure("People", per=100),
        ).cells
        shares = (each.hidden or wording.number(each.rate) + "%" for each in both)
        rows.append((words, *shares))
    return _table(
        "Who is on the list, by deprivation",
        ("Deprivation fifth", "Of adults here", "Of the list"),
        rows,
    )


def _swap(asked: Asked, people: BitMap, listed: BitMap, size: int) -> str:
    """Say whom a list ordered by what could be done would drop and add."""
    if "impact" not in asked.release.catalogue:
        return ""
    rated = people & asked.release.known("impact")
    members = np.frombuffer(rated.to_array(), dtype=np.uint32)
    order = np.argsort(-asked.release.take("impact", rated), kind="stable")
    other = BitMap(members[order[:size]])
    poorest = asked.release.bitmap("imd_fifth", "1")
    cells = asked.publish(
        [
            Cell({"of": "stay"}, listed, listed & other),
            Cell({"of": "before"}, listed, listed & poorest),
            Cell({"of": "after"}, other, other & poorest),
        ],
        Measure("People", per=100),
    ).cells
    told = [each.hidden or f"{wording.number(each.rate, 0)}%" for each in cells]
    return (
        "Ordered by what could be done (impactability) instead, a list of this size"
        f" keeps {told[0]} of these people; from the most deprived fifth come"
        f" {told[1]} by risk and {told[2]} by impactability."
    )


def _table(caption: str, titles: Iterable[str], rows: list[tuple[str, ...]]) -> Table:
    columns = tuple(Column(title, place > 0) for place, title in enumerate(titles))
    return Table(caption, columns, tuple(rows), ())
