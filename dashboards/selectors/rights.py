"""Requests about records, as the practice and as information governance see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings

from dashboards import subject_record
from dashboards.models import RightsErasure, RightsPack, RightsRequest, RightsStep
from dashboards.selectors.lanes import feeds_of, open_to
from dashboards.steps.subject_record import Section, without
from governance import audit
from governance.access import Viewer
from governance.models import LocalObjection, Org
from governance.retention import ERASURE
from governance.retention.specs import Article
from linkage.definitions import FEEDS
from linkage.models import Person


@dataclass(frozen=True)
class Step:
    at: datetime
    by: str
    what: str
    note: str


@dataclass(frozen=True)
class Request:
    """One request: what for, whose practice, how far, by when; and what was done."""

    id: int
    kind: str
    kind_words: str
    state: str
    state_words: str
    practice: str
    source: str
    opened_at: datetime
    due_on: date
    days_left: int
    is_stopped: bool
    is_open: bool
    steps: list[Step]


OPEN = {"received", "compiled", "reviewed", "routed", "proposed", "agreed"}


def requests(viewer: Viewer, today: date) -> list[Request]:
    """Return the requests of the viewer's practices, or all for who governs them.

    Row-level security says the same. The soonest due first, open ones before closed.
    """
    rows = RightsRequest.objects.prefetch_related("steps")
    if viewer.sees_rows():
        rows = rows.filter(practice_code__in=viewer.practice_codes)
    names = dict(Org.objects.values_list("code", "name"))
    found = [_request(row, names, today) for row in rows]
    return sorted(found, key=lambda r: (not r.is_open, r.due_on, r.id))


def request(viewer: Viewer, request_id: int, today: date) -> Request | None:
    """Return one of those requests."""
    return next((r for r in requests(viewer, today) if r.id == request_id), None)


@dataclass(frozen=True)
class ErasureChoice:
    """What may be chosen in proposing an erasure: (name, words) of each."""

    grounds: list[tuple[str, str]]
    exemptions: list[tuple[str, str]]
    feeds: list[tuple[str, str]]
    stays: tuple[str, ...]
    files_kept_days: int


def erasure_choice() -> ErasureChoice:
    """What an erasure may be grounded on, spare and cover."""

    def listed(named: Mapping[str, Article]) -> list[tuple[str, str]]:
        return [(n, f"{a.title} (Article {a.article})") for n, a in named.items()]

    return ErasureChoice(
        grounds=listed(ERASURE.grounds),
        exemptions=listed(ERASURE.exemptions),
        feeds=[(n, spec.title) for n, spec in FEEDS.items() if not spec.keeps],
        stays=ERASURE.stays,
        files_kept_days=settings.KEEP_DELIVERIES_DAYS,
    )


def proposed_by(viewer: Viewer, request_id: int) -> str:
    """Who proposed the erasure that waits for a decision; nobody where none does."""
    waiting = RightsErasure.objects.filter(
        request_id=request_id, state=RightsErasure.State.PROPOSED
    )
    if viewer.sees_rows():
        return ""  # the practice sees the steps, and decides on none of them
    return waiting.values_list("proposed_by", flat=True).first() or ""


def record_to_review(viewer: Viewer, request_id: int) -> dict[str, Section] | None:
    """Return a compiled record whole, to a reviewer of the person's own practice."""
    return _opened(viewer, request_id, "rights_record_viewed", frozenset())


def record_to_hand_over(viewer: Viewer, request_id: int) -> dict[str, Section] | None:
    """Return a released record without what the reviews withheld."""
    found = RightsRequest.objects.filter(
        pk=request_id, state=RightsRequest.State.RELEASED
    )
    if not found.exists():
        return None
    reviews = RightsStep.objects.filter(
        request_id=request_id, what__in=("harm", "others")
    )
    withheld = {each for step in reviews for each in step.withheld}
    return _opened(viewer, request_id, "rights_record_read", frozenset(withheld))


def _opened(
    viewer: Viewer, request_id: int, event: str, withheld: frozenset[str]
) -> dict[str, Section] | None:
    pack = (
        RightsPack.objects.filter(
            request_id=request_id, practice_code__in=viewer.practice_codes
        )
        .select_related("request__subject")
        .first()
    )
    if pack is None:
        return None
    audit.record(
        event,
        viewer,
        subject="access",
        persons=1,
        seen=[pack.request.subject.person_no],
        request=request_id,
    )
    record = subject_record.unseal(pack.sealed, request_id)
    return without(record, withheld)


def practice_of(viewer: Viewer, person_no: int) -> str | None:
    """Return the practice of one of the viewer's own people."""
    rows = Person.objects.filter(
        person_no=person_no, practice_code__in=viewer.practice_codes
    )
    return rows.values_list("practice_code", flat=True).first()


def objects_to_risk(person_no: int) -> bool:
    """Whether one of the viewer's own people objects to being picked out by risk."""
    standing = LocalObjection.objects.filter(withdrawn_at__isnull=True)
    return standing.filter(person_no=person_no).exists()


def sources(viewer: Viewer) -> list[tuple[str, str]]:
    """The records in which a mistake may stand, of those that the viewer sees."""
    seen = frozenset[str]().union(*map(feeds_of, open_to(viewer)))
    return [(name, spec.title) for name, spec in FEEDS.items() if name in seen]


KINDS = RightsRequest.Kind.choices


def _request(row: Any, names: dict[str, str], today: date) -> Request:
    return Request(
        id=row.pk,
        kind=row.kind,
        kind_words=RightsRequest.Kind(row.kind).label,
        state=row.state,
        state_words=RightsRequest.State(row.state).label,
        practice=names.get(row.practice_code, row.practice_code),
        source=FEEDS[row.source].title if row.source in FEEDS else row.source,
        opened_at=row.opened_at,
        due_on=row.due_on,
        days_left=(row.due_on - today).days,
        is_stopped=row.stopped_on is not None,
        is_open=row.state in OPEN,
        steps=[
            Step(s.at, s.by, RightsStep.What(s.what).label, s.note)
            for s in sorted(row.steps.all(), key=lambda s: s.pk)
        ],
    )
