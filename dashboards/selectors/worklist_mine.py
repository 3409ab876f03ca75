"""The cards in a member's own hands, over all lists, and those of whom they cover."""

from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from dashboards.definitions import LISTS
from dashboards.models import Card, CardEvent
from dashboards.selectors import worklist_cover as covering
from dashboards.selectors import worklist_work as work
from dashboards.selectors.worklist_standing import gone
from dashboards.selectors.worklist_told import closed_because
from governance import audit, pseudonym
from governance.access import Viewer
from linkage.release import selectors as release

# Handovers that can still be taken back, newest first.
MOST_HANDOVERS = 5


@dataclass(frozen=True)
class Mine:
    """One card: whose work, on which list, by when, and what is done so far."""

    programme: str
    title: str
    reference: str
    for_whom: str
    due_on: date | None
    is_overdue: bool
    words: list[str]

    @property
    def short(self) -> str:
        return pseudonym.short(self.reference)


@dataclass(frozen=True)
class Held:
    """How many cards somebody has, and how many they have while they stand in."""

    mine: int
    mine_overdue: int
    covered: int
    covered_overdue: int


@dataclass(frozen=True)
class HandedOver:
    """One handover of the last weeks: when, from whom to whom, how many cards."""

    batch: str
    at: date
    from_name: str
    to_name: str
    cards: int


def held(viewer: Viewer) -> Held:
    """Count the viewer's cards in hand, and those of whom they stand in for."""
    own, others = _split(viewer)
    return Held(len(own), _overdue(own), len(others), _overdue(others))


def mine(viewer: Viewer) -> list[Mine]:
    """Return the viewer's cards in hand, those due first and undated ones last."""
    own, others = _split(viewer)
    rows = own + others
    away = covering.away_now(viewer)
    audit.record(
        "own_cards_viewed",
        viewer,
        subject="cards",
        persons=len({row.person_no for row in rows}),
        seen=[row.person_no for row in rows],
    )
    made = []
    for row, stands in zip(rows, work.of_cards(viewer, rows), strict=True):
        cover = away.get(row.assigned_to or 0)
        made.append(
            Mine(
                programme=row.programme,
                title=LISTS[row.programme].title,
                reference=pseudonym.seal(
                    row.person_no, recipient=viewer.org_code, purpose=viewer.purpose
                ),
                for_whom=cover.away if cover else "",
                due_on=row.due_on,
                is_overdue=stands.is_overdue,
                words=stands.words,
            )
        )
    return sorted(made, key=lambda m: (m.due_on is None, m.due_on, m.title))


def handed_over(viewer: Viewer) -> list[HandedOver]:
    """Return the newest handovers of the viewer's practices, to be taken back."""
    events = CardEvent.objects.filter(
        practice_code__in=viewer.practice_codes,
        kind__in=("handed_over", "given_back"),
    ).order_by("-pk")
    found: dict[str, list[CardEvent]] = {}
    taken_back = set()
    for event in events[:2000]:
        batch = event.detail.get("batch", "")
        if event.kind == "given_back":
            taken_back.add(batch)
        elif batch and batch not in taken_back:
            found.setdefault(batch, []).append(event)
    shown = list(found.items())[:MOST_HANDOVERS]
    names = covering.names_of(
        n
        for _, rows in shown
        for n in (rows[0].detail["from"], rows[0].detail["user"])
        if n
    )
    return [
        HandedOver(
            batch,
            timezone.localdate(rows[0].at),
            names.get(rows[0].detail["from"], "a former colleague"),
            rows[0].detail["role"]
            or names.get(rows[0].detail["user"], "a former colleague"),
            len(rows),
        )
        for batch, rows in shown
    ]


def _split(viewer: Viewer) -> tuple[list[Card], list[Card]]:
    """The viewer's own cards in hand, and those of whom they stand in for today.

    Of people who stand on no list any more, for they died or opted out, nothing; nor
    of a list that is closed to the viewer's purpose today.
    """
    away = covering.away_now(viewer)
    absent = {n for n, cover in away.items() if cover.by_user == viewer.user_id}
    whose = {viewer.user_id, *absent}
    rows = _still_here(viewer, work.in_hand(viewer, of=whose))
    return (
        [row for row in rows if row.assigned_to == viewer.user_id],
        [row for row in rows if row.assigned_to in absent],
    )


def _still_here(viewer: Viewer, rows: list[Card]) -> list[Card]:
    live = release.current()
    by_list: dict[str, list[int]] = {}
    for row in rows:
        if row.programme in LISTS:
            by_list.setdefault(row.programme, []).append(row.person_no)
    left = {
        name: gone(name, people)
        for name, people in by_list.items()
        if live is None or not closed_because(viewer, name, live.id)
    }
    return [
        row
        for row in rows
        if row.programme in left and row.person_no not in left[row.programme]
    ]


def _overdue(rows: list[Card]) -> int:
    today = timezone.localdate()
    return sum(row.due_on is not None and row.due_on < today for row in rows)
