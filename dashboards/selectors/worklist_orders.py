"""Other orders that a team may choose for a list, and what a place in them rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from pyroaring import BitMap

from dashboards.list_specs import ListSpec, OtherOrder
from dashboards.selectors.worklist_standing import Entry
from dashboards.steps.shortlist import sentence
from linkage.release.selectors import ReleaseView


@dataclass(frozen=True)
class Ordered:
    """A list's people in an order that somebody chose.

    `title` names the order; `words` say, by person_no, what a place rests on, where
    that is not what the list itself says.
    """

    title: str
    people: tuple[int, ...]
    words: Mapping[int, str] = field(default_factory=dict)


def orders_in(spec: ListSpec, live: ReleaseView) -> list[OtherOrder]:
    """Return the programme's other orders that this release holds the numbers for."""
    return [
        order for order in spec.other_orders if order.attributes <= {*live.catalogue}
    ]


def ordered(live: ReleaseView, rows: Sequence[Entry], order: OtherOrder) -> Ordered:
    """Return people by an order's number, the highest first.

    Whoever has none stands last; ties keep the list's own order.
    """
    people = [row.person_no for row in rows]
    known = numbers(live, people, order.attributes)
    place = {person_no: n for n, person_no in enumerate(people)}
    value = dict(known.select("person_no", order.by).iter_rows())
    ranked = sorted(people, key=lambda n: (-_known_or_least(value.get(n)), place[n]))
    said = known.drop_nulls(order.by).select("person_no", words=sentence(order.words))
    return Ordered(f"by {order.title}", tuple(ranked), dict(said.iter_rows()))


def _known_or_least(value: float | None) -> float:
    return float("-inf") if value is None else value


def numbers(
    live: ReleaseView, people: Sequence[int], attributes: frozenset[str]
) -> pl.DataFrame:
    """Return whole numbers of people who are in the release: a column per attribute."""
    ours = BitMap(people) & live.everyone
    members = np.frombuffer(ours.to_array(), dtype=np.uint32)
    taken = {name: live.take(name, ours) for name in sorted(attributes)}
    frame = pl.DataFrame({"person_no": members} | taken)
    return frame.with_columns(pl.exclude("person_no").fill_nan(None).round(0))
