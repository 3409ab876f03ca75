"""A team's worklist as its members see it: today's few, and what became of the rest.

Everything read here is the viewer's own people: the practices of the grant they act
under choose the rows, row-level security again those of all their grants, and every
function that returns rows of people audits the reading first.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from django.utils import timezone

from dashboards import store
from dashboards.definitions import LISTS
from dashboards.list_specs import ListSpec, Step
from dashboards.models import Decision, Intervention, ListEntry, ListRun, ListVisit
from governance import audit, disclosure, pseudonym
from governance.access import Viewer
from governance.disclosure import Cell, Measure, Published
from governance.models import Org
from linkage.release import selectors as release
from risk import selectors as risk

OUTCOME_WORDS = {
    "accept": "Accepted",
    "decline": "Not suitable",
    "already_known": "Already known",
    "later": "Later",
}


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
    step: Step
    is_new: bool
    person_no: int = field(repr=False)
    decision: "Decided | None" = None
    # What moved the model's figure, in words with values and dates, weightiest first.
    chance_because: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        return pseudonym.short(self.reference)


@dataclass(frozen=True)
class Decided:
    """A decision that stands: what, why, when, by whom and what was offered."""

    id: int
    choice: str
    reason: str
    note: str
    at: datetime
    by_me: bool
    offered: str = ""
    due_on: date | None = None


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

    @property
    def free_slots(self) -> int:
        return max(0, self.spec.capacity_per_week - self.accepted_this_week)


def programmes(viewer: Viewer) -> list[tuple[str, ListSpec, int, int]]:
    """Return each programme with how many are to be decided and how many are new."""
    found = []
    for name, spec in LISTS.items():
        made = worklist(viewer, name, audited=False)
        if made is not None:
            to_decide = len(made.today) + made.waiting
            found.append((name, spec, to_decide, made.new))
    return found


def worklist(
    viewer: Viewer, programme: str, *, audited: bool = True
) -> Worklist | None:
    """Return today's list, or None before the first release.

    Undecided people first: those new since the viewer's last visit, then by rank;
    `today` is as many as this week still has slots for. `audited` is False only for
    counts shown without any row.
    """
    live = release.current()
    if live is None:
        return None
    spec = LISTS[programme]
    entries = list(
        ListEntry.objects.filter(
            programme=programme,
            release_id=live.id,
            practice_code__in=viewer.practice_codes,
        )
    )
    visit = ListVisit.objects.filter(
        user_id=viewer.user_id, programme=programme
    ).first()
    seen_release = seen_before(visit, live.id)
    decisions = standing_decisions(viewer, programme)
    names = dict(
        Org.objects.filter(code__in={e.practice_code for e in entries}).values_list(
            "code", "name"
        )
    )
    cards = [
        _card(viewer, spec, entry, names, decisions, seen_release) for entry in entries
    ]
    if audited:
        cards = _with_because(cards, live.id, viewer.spec.timeline)
    open_cards = sorted(
        (c for c in cards if c.decision is None), key=lambda c: (not c.is_new, c.rank)
    )
    week_ago = timezone.now() - timedelta(days=7)
    accepted = sum(
        1
        for d in decisions.values()
        if d.choice == OUTCOME_WORDS["accept"] and d.at > week_ago
    )
    slots = max(0, spec.capacity_per_week - accepted)
    made = Worklist(
        programme=programme,
        spec=spec,
        as_of=live.as_of,
        today=open_cards[:slots],
        waiting=len(open_cards) - len(open_cards[:slots]),
        decided=sorted(
            (c for c in cards if c.decision), key=lambda c: c.decision.at, reverse=True
        ),
        new=sum(c.is_new for c in open_cards),
        total=len(cards),
        accepted_this_week=accepted,
        last_visit=visit.visited_at if visit else None,
    )
    if audited:
        audit.record(
            "list_viewed",
            viewer,
            subject=programme,
            persons=len(made.today) + len(made.decided),
            release=live.id,
        )
    return made


def standing_decisions(viewer: Viewer, programme: str) -> dict[int, Decided]:
    """Return the decision that stands for each person: not undone, not run out."""
    spec = LISTS[programme]
    rows = (
        Decision.objects.filter(
            programme=programme,
            practice_code__in=viewer.practice_codes,
            decision__isnull=True,
        )
        .exclude(choice=Decision.Choice.UNDO)
        .order_by("pk")
    )
    offers = {
        i.decision_id: i
        for i in Intervention.objects.filter(decision__programme=programme)
    }
    steps = {step.name: step.title for step in spec.next_steps}
    found: dict[int, Decided] = {}
    now = timezone.now()
    for row in rows:
        days = spec.later_days if row.choice == "later" else spec.recheck_days
        if row.decided_at + timedelta(days=days) <= now:
            continue
        offer = offers.get(row.pk)
        found[row.person_no] = Decided(
            id=row.pk,
            choice=OUTCOME_WORDS[row.choice],
            reason=getattr(spec.choices, row.choice).get(row.reason, row.reason),
            note=row.note,
            at=row.decided_at,
            by_me=row.decided_by == viewer.user_id,
            offered=steps.get(offer.kind, "") if offer else "",
            due_on=offer.due_on if offer else None,
        )
    return found


def _card(
    viewer: Viewer,
    spec: ListSpec,
    entry: ListEntry,
    names: dict[str, str],
    decisions: dict[int, Decided],
    seen_release: int,
) -> Card:
    step = next(
        (s for s in spec.next_steps if s.name == entry.next_step), spec.next_steps[-1]
    )
    return Card(
        reference=reference(viewer, entry.person_no),
        practice_code=entry.practice_code,
        practice_name=names.get(entry.practice_code, entry.practice_code),
        rank=entry.rank,
        chance=natural_frequency(entry.probability),
        reasons=entry.reasons,
        known=entry.known,
        needs=entry.needs,
        changed=entry.changed,
        step=step,
        is_new=entry.first_release > seen_release,
        person_no=entry.person_no,
        decision=decisions.get(entry.person_no),
    )


def _with_because(
    cards: list[Card], release_id: int, lanes: frozenset[str]
) -> list[Card]:
    """Add to each card what moved the model's figure, as far as the role sees it."""
    told = risk.explained(release_id, [card.person_no for card in cards])
    return [
        replace(card, chance_because=risk.in_words(told.get(card.person_no), lanes))
        for card in cards
    ]


def reference(viewer: Viewer, person_no: int) -> str:
    """Return the sealed reference of a person for the viewer's team."""
    return pseudonym.seal(person_no, recipient=viewer.org_code, purpose=viewer.purpose)


def person_behind(viewer: Viewer, sealed: str) -> int:
    """Return the person_no of a reference made for this viewer's team and purpose."""
    return pseudonym.unseal(sealed, recipient=viewer.org_code, purpose=viewer.purpose)


def natural_frequency(probability: float | None) -> str:
    """Write a chance as a natural frequency: "about 3 in 10 people like this"."""
    if probability is None or probability <= 0:
        return "chance not estimated"
    tenths = round(probability * 10)
    if tenths >= 1:
        return f"about {tenths} in 10 people like this"
    hundredths = max(1, round(probability * 100))
    return f"about {hundredths} in 100 people like this"


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


def note_visit(viewer: Viewer, programme: str) -> None:
    """Remember this visit, so that the next one can say what is new since."""
    live = release.current()
    if live is None:
        return
    visit = ListVisit.objects.filter(
        user_id=viewer.user_id, programme=programme
    ).first()
    ListVisit.objects.update_or_create(
        user_id=viewer.user_id,
        programme=programme,
        defaults={
            "visited_at": timezone.now(),
            "release_id": live.id,
            "before_release": _kept_before(visit, live.id),
        },
    )


@dataclass(frozen=True)
class NotCoding:
    """A practice that records something far less often than its neighbours."""

    practice_name: str
    attribute: str
    share: str
    elsewhere: str


@dataclass(frozen=True)
class Missing:
    """Who could be on the list and is not, by reason; and who cannot be found."""

    by_rule: list[tuple[str, str, str, Published]]
    not_coding: list[NotCoding]


def who_is_missing(viewer: Viewer, programme: str) -> Missing | None:
    """Return counts of the viewer's own people whom the list passes over."""
    live = release.current()
    if live is None:
        return None
    spec = LISTS[programme]
    run = ListRun.objects.filter(programme=programme, release_id=live.id).first()
    if run is None:
        return None
    practices = sorted(viewer.practice_codes)
    measure = Measure("People left out")
    rules = [(e.name, e.because, e.route) for e in spec.but_not]
    rules += [(name, OPT_OUT_WORDS[name], "") for name in spec.honours_opt_outs]
    by_rule = []
    for name, because, route in rules:
        cells = [
            Cell({"practice": code}, store.unpack(run.left_out, name, code))
            for code in practices
        ]
        published = disclosure.for_own_list(cells, measure=measure, viewer=viewer)
        by_rule.append((name, because, route, published))
    audit.record("list_gaps_viewed", viewer, subject=programme, release=live.id)
    return Missing(by_rule, _not_coding(viewer, spec, practices))


OPT_OUT_WORDS = {
    "type1_opt_out": "Has opted out of their GP record being used beyond their care"
    " (Type 1).",
    "national_opt_out": "Has opted out nationally of uses beyond their care.",
}


def _not_coding(
    viewer: Viewer, spec: ListSpec, practices: Iterable[str]
) -> list[NotCoding]:
    """Find practices that record an attribute half as often as the area or less."""
    live = release.current()
    assert live is not None
    older = live.between("age_years", 65)
    names = dict(Org.objects.filter(code__in=practices).values_list("code", "name"))
    found = []
    for attribute in spec.coding_check:
        recorded = live.known(attribute) & older
        # The whole area is not the viewer's own list: its share is protected.
        area = disclosure.protect(
            [Cell({}, older, recorded)],
            measure=Measure(attribute, per=100),
            viewer=viewer,
        ).cells[0]
        if area.rate is None:
            continue
        for code in practices:
            people = older & live.bitmap("practice_code", code)
            measure = Measure(attribute, per=100)
            cell = disclosure.for_own_list(
                [Cell({"practice": code}, people, recorded & people)],
                measure=measure,
                viewer=viewer,
            ).cells[0]
            if cell.rate is not None and cell.rate < area.rate / 2:
                found.append(
                    NotCoding(
                        names[code],
                        live.attribute(attribute).title,
                        f"{cell.rate:.0f}%",
                        f"{area.rate:.0f}%",
                    )
                )
    return found


def tally(made: Worklist) -> Counter[str]:
    """Count the decisions of a list by what was decided."""
    return Counter(c.decision.choice for c in made.decided if c.decision)
