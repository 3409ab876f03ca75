"""A team's worklist as its members see it: today's few, and what became of the rest.

Everything read here is the viewer's own people: the practices of the grant they act
under choose the rows, row-level security again those of all their grants, and every
function that returns rows of people audits the reading first.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from django.utils import timezone

from dashboards import list_entries
from dashboards.definitions import LISTS
from dashboards.list_specs import ListSpec, Step
from dashboards.models import ListEntry, ListRun, ListVisit
from dashboards.selectors import worklist_homes, worklist_work
from dashboards.selectors.worklist_orders import Ordered
from dashboards.selectors.worklist_standing import (
    OUTCOME_WORDS,
    Decided,
    on_list,
    standing_decisions,
    waiting,
)
from dashboards.selectors.worklist_told import (
    Teller,
    closed_because,
    refuse_closed,
    teller,
)
from dashboards.selectors.worklist_work import Work
from governance import audit, pseudonym
from governance.access import Viewer
from governance.models import Org
from linkage.release import selectors as release
from risk import selectors as risk

# The newest decisions on the page; all of them are in the counts and on each person.
DECIDED_SHOWN = 20
# A page that is loaded again within the minute is the same visit.
ONE_VISIT = timedelta(minutes=1)


@dataclass(frozen=True)
class Card:
    """One person on the list. `reference` is sealed for this team and purpose."""

    reference: str
    practice_code: str
    practice_name: str
    rank: int
    chance: str
    reasons: list[str]
    known: list[str]
    needs: list[str]
    changed: list[str]
    # How many sentences rest on what the role may not see, or the purpose not use.
    hidden: int
    step: Step
    is_new: bool
    person_no: int = field(repr=False)
    decision: "Decided | None" = None
    # What moved the model's figure, in words with values and dates, weightiest first.
    chance_because: tuple[str, ...] = ()
    order_words: str = ""
    also_on: list[str] = field(default_factory=list)
    # Sealed references of those of the same home who stand on this list now.
    at_home: list[str] = field(default_factory=list)
    work: Work = field(default_factory=Work)

    @property
    def short(self) -> str:
        return pseudonym.short(self.reference)


@dataclass(frozen=True)
class Worklist:
    """The list of one programme for one viewer."""

    programme: str
    spec: ListSpec
    as_of: date
    today: list[Card]
    waiting: int
    decided: list[Card]
    new: int
    total: int
    accepted_this_week: int
    last_visit: datetime | None
    capacity: int
    # Of everyone on the list; `decided` holds the latest of them only.
    decided_in_all: Counter[str]
    # The order that somebody chose in place of the programme's own; empty for that.
    order_title: str = ""
    release_id: int = 0
    visit: ListVisit | None = field(default=None, repr=False)

    @property
    def free_slots(self) -> int:
        return max(0, self.capacity - self.accepted_this_week)

    @property
    def unordered(self) -> str:
        """Why no model orders this list; empty where one does, or none is meant to."""
        return risk.may_feed_lists(self.spec.order_by)


def programmes(viewer: Viewer) -> list[tuple[str, ListSpec, int, int]]:
    """Return each programme with how many are to be decided and how many are new.

    Programmes that this release could not make, or that are closed to the viewer's
    purpose today, are left out.
    """
    live = release.current()
    if live is None:
        return []
    made = set(
        ListRun.objects.filter(release_id=live.id, not_made="").values_list(
            "programme", flat=True
        )
    )
    visits = {v.programme: v for v in ListVisit.objects.filter(user_id=viewer.user_id)}
    found = []
    for name, spec in LISTS.items():
        if name in made and not closed_because(viewer, name, live.id):
            rows = waiting(viewer, name, live.id)
            seen = seen_before(visits.get(name), live.id)
            new = sum(row.first_release > seen for row in rows)
            found.append((name, spec, len(rows), new))
    return found


def worklist(
    viewer: Viewer,
    programme: str,
    *,
    slots: int | None = None,
    order: Ordered | None = None,
    audited: bool = True,
    most_decided: int | None = DECIDED_SHOWN,
) -> Worklist | None:
    """Return today's list, or None before the first release.

    Undecided people first: those new since the viewer's last visit, then by rank, or
    in the `order` given; `today` is as many as this week still has slots for, of
    `slots` where the team has said how many there are. `audited` is False only for
    counts shown without any row, or where the caller audits what leaves. Of those
    decided on the newest `most_decided` are returned, or all for None. Raises
    ListClosedError where the list is closed to the viewer's purpose today.
    """
    live = release.current()
    if live is None:
        return None
    spec = LISTS[programme]
    refuse_closed(viewer, programme, live.id)
    entries = on_list(viewer, programme, live.id)
    visit = ListVisit.objects.filter(
        user_id=viewer.user_id, programme=programme
    ).first()
    seen_release = seen_before(visit, live.id)
    decisions = standing_decisions(viewer, programme)
    undecided = [row for row in entries if row.person_no not in decisions]
    if order is None:
        undecided.sort(key=lambda row: (row.first_release <= seen_release, row.rank))
    else:
        place = {person_no: n for n, person_no in enumerate(order.people)}
        undecided.sort(key=lambda row: place.get(row.person_no, len(place)))
    week_ago = timezone.now() - timedelta(days=7)
    accepted = sum(
        1
        for d in decisions.values()
        if d.choice == OUTCOME_WORDS["accept"] and d.at > week_ago
    )
    capacity = spec.capacity_per_week if slots is None else slots
    today = undecided[: max(0, capacity - accepted)]
    listed = {row.person_no for row in entries}
    decided = sorted(
        (d for d in decisions.items() if d[0] in listed),
        key=lambda item: item[1].at,
        reverse=True,
    )
    newest = [n for n, _ in decided[:most_decided]]
    shown = [row.person_no for row in today] + newest
    if audited:
        audit.record(
            "list_viewed",
            viewer,
            subject=programme,
            persons=len(shown),
            seen=shown,
            release=live.id,
        )
    cards = _cards(viewer, programme, live.id, shown, decisions, seen_release)
    # What helps to decide is looked up for those who are to be decided on alone.
    people = [row.person_no for row in today]
    cards |= _in_detail(viewer, programme, live.id, [cards[n] for n in people], listed)
    words = order.words if order else {}
    cards = {
        n: replace(card, order_words=words[n]) if n in words else card
        for n, card in cards.items()
    }
    return Worklist(
        programme=programme,
        spec=spec,
        as_of=live.as_of,
        today=[cards[row.person_no] for row in today],
        waiting=len(undecided) - len(today),
        decided=[cards[n] for n in newest],
        new=sum(row.first_release > seen_release for row in undecided),
        total=len(entries),
        accepted_this_week=accepted,
        last_visit=visit.visited_at if visit else None,
        capacity=capacity,
        decided_in_all=Counter(d.choice for _, d in decided),
        order_title=order.title if order else "",
        release_id=live.id,
        visit=visit,
    )


def _in_detail(
    viewer: Viewer,
    programme: str,
    release_id: int,
    cards: list[Card],
    listed: set[int],
) -> dict[int, Card]:
    """Add what moved the model's figure, other lists, and who of the same home is
    listed, decided on or not."""
    people = [card.person_no for card in cards]
    elsewhere = _other_lists(viewer, programme, release_id, people)
    homes = worklist_homes.at_home_with(viewer, people, listed)
    return {
        card.person_no: replace(
            card,
            also_on=elsewhere.get(card.person_no, []),
            at_home=[reference(viewer, n) for n in homes.get(card.person_no, ())],
        )
        for card in _with_because(
            cards, release_id, _teller(viewer, programme, release_id), programme
        )
    }


def is_listed(viewer: Viewer, programme: str, person_no: int) -> bool:
    """Whether someone is on the viewer's list now."""
    live = release.current()
    return live is not None and any(
        row.person_no == person_no for row in on_list(viewer, programme, live.id)
    )


def _cards(
    viewer: Viewer,
    programme: str,
    release_id: int,
    person_nos: list[int],
    decisions: dict[int, Decided],
    seen_release: int,
) -> dict[int, Card]:
    """Return the cards of these people of a list, by person."""
    entries = list_entries.entries(
        release_id, programme=programme, person_no__in=person_nos
    )
    names = dict(
        Org.objects.filter(code__in={e.practice_code for e in entries}).values_list(
            "code", "name"
        )
    )
    spec = LISTS[programme]
    tells = _teller(viewer, programme, release_id)
    cards = [
        _card(viewer, spec, e, names, decisions, seen_release, tells) for e in entries
    ]
    at_work = worklist_work.of_people(viewer, programme, person_nos)
    return {
        card.person_no: replace(card, work=at_work.get(card.person_no, Work()))
        for card in cards
    }


def _other_lists(
    viewer: Viewer, programme: str, release_id: int, person_nos: list[int]
) -> dict[int, list[str]]:
    """Return the titles of the other lists that people are on."""
    # Named by list and person, as the table's key is: a few look-ups, where the
    # practices' index would lead through all of their lists.
    rows = list_entries.rows(
        release_id,
        "person_no",
        "programme",
        programme__in=[name for name in LISTS if name != programme],
        practice_code__in=viewer.practice_codes,
        person_no__in=person_nos,
    )
    found: dict[int, list[str]] = {}
    shown = {name for name in LISTS if not closed_because(viewer, name, release_id)}
    for person_no, other in rows:
        if other in shown:
            found.setdefault(person_no, []).append(LISTS[other].title)
    return found


def _card(
    viewer: Viewer,
    spec: ListSpec,
    entry: ListEntry,
    names: dict[str, str],
    decisions: dict[int, Decided],
    seen_release: int,
    tells: Teller,
) -> Card:
    told = tells.of_entry(spec, entry)
    return Card(
        reference=reference(viewer, entry.person_no),
        practice_code=entry.practice_code,
        practice_name=names.get(entry.practice_code, entry.practice_code),
        rank=entry.rank,
        chance=told.chance,
        reasons=told.reasons,
        known=told.known,
        needs=told.needs,
        changed=told.changed,
        hidden=told.hidden,
        step=told.step,
        is_new=entry.first_release > seen_release,
        person_no=entry.person_no,
        decision=decisions.get(entry.person_no),
        order_words=told.order_words,
    )


def _with_because(
    cards: list[Card], release_id: int, tells: Teller, programme: str
) -> list[Card]:
    """Add to each card what moved the model's figure, as far as the role sees it."""
    model = risk.ordering_model(LISTS[programme].order_by)
    if model is None or not tells.may([LISTS[programme].order_by]):
        return cards
    told = risk.explained(release_id, [card.person_no for card in cards], model)
    return [
        replace(card, chance_because=risk.in_words(told.get(card.person_no), tells.may))
        for card in cards
    ]


def _teller(viewer: Viewer, programme: str, release_id: int) -> Teller:
    return teller(viewer, LISTS[programme].attributes, release_id)


def reference(viewer: Viewer, person_no: int) -> str:
    """Return the sealed reference of a person for the viewer's team."""
    return pseudonym.seal(person_no, recipient=viewer.org_code, purpose=viewer.purpose)


def person_behind(viewer: Viewer, sealed: str) -> int:
    """Return the person_no of a reference made for this viewer's team and purpose."""
    return pseudonym.unseal(sealed, recipient=viewer.org_code, purpose=viewer.purpose)


def seen_before(visit: ListVisit | None, live_id: int) -> int:
    """Return the release that this viewer had seen before the live one; 0 for none.

    Who comes back to the first release they saw has seen everyone in it.
    """
    if visit is None:
        return 0
    if visit.release_id != live_id:
        return visit.release_id
    return visit.before_release or live_id


def _kept_before(visit: ListVisit | None, live_id: int) -> int:
    if visit is None:
        return 0
    return visit.before_release if visit.release_id == live_id else visit.release_id


def note_visit(viewer: Viewer, made: Worklist) -> None:
    """Remember this visit, so that the next one can say what is new since."""
    visit, now = made.visit, timezone.now()
    is_same = visit is not None and visit.release_id == made.release_id
    if visit is not None and is_same and visit.visited_at > now - ONE_VISIT:
        return
    ListVisit.objects.update_or_create(
        user_id=viewer.user_id,
        programme=made.programme,
        defaults={
            "visited_at": now,
            "release_id": made.release_id,
            "before_release": _kept_before(visit, made.release_id),
        },
    )
