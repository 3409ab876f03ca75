"""How many a team has room for: what it yields, who falls off, and who is short.

Everything is of the team's own undecided people. The need is all of them; today's few
are compared with it by deprivation, ethnicity, age and sex.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl
from pyroaring import BitMap

from dashboards import list_entries
from dashboards.definitions import LISTS
from dashboards.list_specs import ListSpec, OtherOrder
from dashboards.selectors import lenses
from dashboards.selectors.worklist_orders import Ordered, ordered, orders_in
from dashboards.selectors.worklist_standing import Entry, waiting
from dashboards.selectors.worklist_told import refuse_closed, teller
from dashboards.steps.fairness import GroupShare, Order, expected, fairer, shares
from governance import audit
from governance.access import Viewer
from linkage.release import selectors as release
from linkage.release.selectors import ReleaseView
from risk.definitions import MODELS
from risk.selectors import ordering_model

TRAITS = ("imd_fifth", "ethnicity_group", "age_band", "sex")
TITLES = {
    "imd_fifth": "Deprivation",
    "ethnicity_group": "Ethnicity",
    "age_band": "Age",
    "sex": "Sex",
}
# An order that is fairer may cost so much of what the best order is expected to find.
MARGIN = 0.05
MOST_SLOTS = 60


@dataclass(frozen=True)
class Alternative:
    """What another order would do with the same places: the equity check.

    `changes` of the places go to other people; `shares` are its groups, in the order
    of the room's own, so that who would fall off stands beside who would come on.
    """

    order: OtherOrder
    expected: float | None
    changes: int
    shares: list[GroupShare]

    @property
    def short(self) -> list[GroupShare]:
        return [each for each in self.shares if each.is_short]


@dataclass(frozen=True)
class Room:
    """What so many places would mean.

    `expected` people of `places` are expected to have the outcome that the order
    foretells, None where the order foretells nothing. `hours` and `cost_gbp` are of
    the suggested steps. `off` and `on` are how many lose and gain a place beside the
    programme's own number of places.
    """

    places: int
    waiting: int
    expected: float | None
    hours: float
    cost_gbp: float
    off: int
    on: int
    spec: ListSpec
    shares: list[GroupShare]
    fairer: Order | None
    changes: int
    others: list[Alternative]

    @property
    def short(self) -> list[GroupShare]:
        return [each for each in self.shares if each.is_short]

    @property
    def happens(self) -> str:
        """What the order foretells: ends a sentence on people who …; "" of nothing."""
        model = ordering_model(self.spec.order_by)
        return MODELS[model].happens if model else ""

    @property
    def ppv(self) -> float | None:
        """Of a hundred people with a place, how many are expected to have it."""
        if self.expected is None or not self.places:
            return None
        return 100 * self.expected / self.places


def room(viewer: Viewer, programme: str, slots: int) -> Room | None:
    """Return what `slots` places a week would mean, or None before a release."""
    live = release.current()
    if live is None:
        return None
    spec = LISTS[programme]
    refuse_closed(viewer, programme, live.id)
    rows = waiting(viewer, programme, live.id)
    audit.record(
        "list_room_viewed",
        viewer,
        subject=programme,
        persons=len(rows),
        seen=[row.person_no for row in rows],
        slots=slots,
    )
    first = rows[:slots]
    chances = [row.probability for row in first]
    # Nobody has a chance where the model is stopped, not approved or not trained.
    foretells = any(chance is not None for chance in chances)
    steps = {step.name: step for step in spec.next_steps}
    offered = list_entries.rows(
        live.id,
        "next_step",
        programme=programme,
        person_no__in=[row.person_no for row in first],
    )
    taken = [steps[name] for (name,) in offered if name in steps]
    people = _described(live, rows)
    fair = _fairer(people, len(first)) if foretells else None
    usual = spec.capacity_per_week
    return Room(
        places=len(first),
        waiting=len(rows) - len(first),
        expected=expected(chances) if foretells else None,
        hours=sum(step.hours for step in taken),
        cost_gbp=sum(step.cost_gbp for step in taken),
        off=max(0, min(usual, len(rows)) - slots),
        on=max(0, len(first) - usual),
        spec=spec,
        shares=shares(people, TRAITS, len(first)),
        fairer=fair,
        changes=len(set(fair.people[: len(first)]) - {r.person_no for r in first})
        if fair
        else 0,
        others=[
            _alternative(people, ordered(live, rows, order), order, len(first))
            for order in orders_in(spec, live)
        ],
    )


def _alternative(
    people: pl.DataFrame, other: Ordered, order: OtherOrder, places: int
) -> Alternative:
    """Compare the first places of another order with those of the list's own."""
    place = pl.DataFrame(
        {"person_no": other.people, "place": range(len(other.people))},
        schema={"person_no": pl.Int64, "place": pl.Int64},
    )
    moved = people.join(place, on="person_no").sort("place")
    first = moved["person_no"].head(places)
    chances = moved["chance"].head(places)
    return Alternative(
        order=order,
        expected=expected(chances.to_list()) if chances.is_not_null().all() else None,
        changes=len(set(first) - set(people["person_no"].head(places))),
        shares=shares(moved, TRAITS, places),
    )


def chosen_order(
    viewer: Viewer, programme: str, slots: int, name: str
) -> Ordered | None:
    """Return the team's people in the order of this name; None for the list's own.

    "fair" is the fairer order, where there is one; other names are the definition's.
    """
    live = release.current()
    spec = LISTS[programme]
    if live is None or name == "own":
        return None
    rows = waiting(viewer, programme, live.id)
    if name == "fair":
        if spec.order_is != "chance":
            return None
        found = _fairer(_described(live, rows), slots)
        return Ordered("the fairer one", found.people) if found else None
    chosen = next((each for each in orders_in(spec, live) if each.name == name), None)
    if chosen is None:
        return None
    # What a place rests on is told as far as the role and its purpose may know it.
    found = ordered(live, rows, chosen)
    may = teller(viewer, chosen.attributes, live.id).may(chosen.attributes)
    return found if may else replace(found, words={})


def group_words(share: GroupShare) -> str:
    """Return a group's name in words."""
    words = {"imd_fifth": lenses.FIFTHS, "sex": lenses.SEXES}.get(share.trait, {})
    if share.trait == "age_band":
        return share.group
    return words.get(share.group) or lenses.worded(share.group)


def share_words(share: GroupShare) -> str:
    """Say a shortfall: "Deprivation, 1 (most deprived): 1 of 12 places, 4 by need"."""
    return (
        f"{TITLES[share.trait]}, {group_words(share)}: {share.of_places} of"
        f" {share.places} places, about {share.expected:.0f} by need"
    )


def _fairer(people: pl.DataFrame, places: int) -> Order | None:
    return fairer(people, TRAITS, places, MARGIN)


def _described(live: ReleaseView, rows: Sequence[Entry]) -> pl.DataFrame:
    """Return people in their order with a word for each trait."""
    numbers = BitMap(row.person_no for row in rows)
    words: dict[str, list[str]] = {}
    for trait in TRAITS:
        of = {
            person_no: value
            for value in live.values(trait)
            for person_no in live.bitmap(trait, value) & numbers
        }
        words[trait] = [
            _wide_band(trait, of.get(row.person_no, "not known")) for row in rows
        ]
    return pl.DataFrame(
        {
            "person_no": [row.person_no for row in rows],
            "chance": [row.probability for row in rows],
        }
        | words,
        schema={"person_no": pl.Int64, "chance": pl.Float64}
        | dict.fromkeys(TRAITS, pl.String),
    )


def _wide_band(trait: str, value: str) -> str:
    """Five-year bands are too fine for a dozen places: under 65, 65 to 79, 80 on."""
    if trait != "age_band" or not value[:2].isdigit():
        return value
    age = int(value[:2])
    return "Under 65" if age < 65 else "65 to 79" if age < 80 else "80 and over"
