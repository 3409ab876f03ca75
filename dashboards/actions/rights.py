"""What is done about a request: opened, compiled, reviewed twice, released, closed."""

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from dashboards import subject_record
from dashboards.models import RightsPack, RightsRequest, RightsStep, RightsSubject
from dashboards.steps.subject_record import known_entries
from governance import audit
from governance.access import Viewer

# UK GDPR Article 12(3): one month; the clock stops while identity or scope is asked
# back (Data (Use and Access) Act 2025).
DAYS_TO_ANSWER = 30
STATES = RightsRequest.State
WHAT = RightsStep.What
REVIEWS = {"harm": WHAT.HARM, "others": WHAT.OTHERS}


class RefusedStepError(ValueError):
    """A step that a request does not take now; says why."""


def open_request(
    *,
    kind: str,
    person_no: int,
    practice_code: str,
    source: str,
    today: date,
    by: Viewer,
) -> RightsRequest:
    """Open a request for one of the viewer's own people; the month begins today."""
    if kind not in RightsRequest.Kind.values:
        raise RefusedStepError("There is no such kind of request.")
    if kind == RightsRequest.Kind.RECTIFY and not source:
        raise RefusedStepError("Say which records hold the mistake.")
    with transaction.atomic():
        request = RightsRequest.objects.create(
            kind=kind,
            practice_code=practice_code,
            source=source if kind == RightsRequest.Kind.RECTIFY else "",
            opened_by=by.username,
            opened_at=timezone.now(),
            due_on=today + timedelta(days=DAYS_TO_ANSWER),
        )
        RightsSubject.objects.create(
            request=request, person_no=person_no, practice_code=practice_code
        )
        step(request, WHAT.OPENED, by.username)
        audit.record("rights_opened", by, subject=kind, persons=1, request=request.pk)
    return request


def compile_record(*, request_id: int) -> None:
    """Gather everything the store holds of the person, sealed, as the worker.

    Safe to repeat until somebody has reviewed it.
    """
    request = RightsRequest.objects.select_related("subject").get(pk=request_id)
    if request.kind != RightsRequest.Kind.ACCESS or request.state != STATES.RECEIVED:
        return
    record = subject_record.gather(request.subject.person_no)
    with transaction.atomic():
        RightsPack.objects.update_or_create(
            request=request,
            defaults={
                "practice_code": request.practice_code,
                "made_at": timezone.now(),
                "sealed": subject_record.seal(record, request.pk),
            },
        )
        request.state = STATES.COMPILED
        request.save(update_fields=["state"])
        step(request, WHAT.COMPILED, "worker")
        audit.record(
            "rights_compiled",
            None,
            subject="access",
            persons=1,
            seen=[request.subject.person_no],
            request=request.pk,
        )


def review(
    *, request_id: int, of: str, withheld: list[str], note: str, by: Viewer
) -> RightsRequest:
    """Record one of the two reviews: for serious harm, and for what is about others.

    Each by somebody else. After both the record waits for its release.
    """
    with transaction.atomic():
        request = held(request_id, STATES.COMPILED)
        if of not in REVIEWS:
            raise RefusedStepError("There is no such review.")
        done = {step.what: step.by for step in request.steps.all()}
        if REVIEWS[of] in done:
            raise RefusedStepError("This review is done.")
        if by.username in {done.get(what) for what in REVIEWS.values()}:
            raise RefusedStepError("Somebody else must do the second review.")
        record = subject_record.unseal(request.pack.sealed, request.pk)
        kept = known_entries(record, withheld)
        if kept and not note.strip():
            raise RefusedStepError("Say why entries are withheld.")
        step(request, REVIEWS[of], by.username, note, kept)
        if set(REVIEWS.values()) <= set(done) | {REVIEWS[of]}:
            request.state = STATES.REVIEWED
            request.save(update_fields=["state"])
        audit.record(
            "rights_reviewed",
            by,
            subject=of,
            persons=1,
            request=request.pk,
            withheld=len(kept),
        )
    return request


def release_record(*, request_id: int, by: Viewer) -> RightsRequest:
    """Release a record that was reviewed twice; the practice may hand it over now."""
    with transaction.atomic():
        request = held(request_id, STATES.REVIEWED)
        if by.username in set(
            request.steps.filter(what__in=REVIEWS.values()).values_list("by", flat=True)
        ):
            raise RefusedStepError("Somebody else than a reviewer releases it.")
        request.state = STATES.RELEASED
        request.save(update_fields=["state"])
        step(request, WHAT.RELEASED, by.username)
        audit.record("rights_released", by, subject="access", request=request.pk)
    return request


def route(*, request_id: int, by: Viewer) -> RightsRequest:
    """Send a mistake to the controller of the feed that brought it.

    Nothing is changed here: the source puts it right and its next delivery brings it.
    """
    with transaction.atomic():
        request = held(request_id, STATES.RECEIVED)
        if request.kind != RightsRequest.Kind.RECTIFY:
            raise RefusedStepError("Only a mistake is sent to its source.")
        request.state = STATES.ROUTED
        request.save(update_fields=["state"])
        step(request, WHAT.ROUTED, by.username, request.source)
        audit.record("rights_routed", by, subject=request.source, request=request.pk)
    return request


def close(*, request_id: int, granted: bool, note: str, by: Viewer) -> RightsRequest:
    """Close a request as done or refused, with what was said; a refusal needs a reason.

    Whether data is erased is two people's decision (`actions.erasure`): no request for
    it is closed as done here, and none while that decision is open.
    """
    with transaction.atomic():
        request = RightsRequest.objects.select_for_update().get(pk=request_id)
        if request.state in {STATES.CLOSED, STATES.REFUSED}:
            raise RefusedStepError("It is closed already.")
        if request.state in {STATES.PROPOSED, STATES.AGREED}:
            raise RefusedStepError("The erasure is decided on first.")
        if granted and request.kind == RightsRequest.Kind.ERASE:
            raise RefusedStepError("Propose what to erase; somebody else agrees to it.")
        if not note.strip():
            raise RefusedStepError("Say what was answered.")
        request.state = STATES.CLOSED if granted else STATES.REFUSED
        request.save(update_fields=["state"])
        step(request, WHAT.CLOSED if granted else WHAT.REFUSED, by.username, note)
        audit.record("rights_closed", by, subject=request.kind, request=request.pk)
    return request


def stop_clock(*, request_id: int, today: date, by: Viewer) -> RightsRequest:
    """Stop the clock while the person is asked back, or start it again.

    The days it stood are added to the day on which the answer is due.
    """
    with transaction.atomic():
        request = RightsRequest.objects.select_for_update().get(pk=request_id)
        if request.state in {STATES.RELEASED, STATES.CLOSED, STATES.REFUSED}:
            raise RefusedStepError("It is answered already.")
        if request.stopped_on is None:
            request.stopped_on = today
            step(request, WHAT.STOPPED, by.username)
        else:
            request.due_on += today - request.stopped_on
            request.stopped_on = None
            step(request, WHAT.STARTED, by.username)
        request.save(update_fields=["stopped_on", "due_on"])
        audit.record("rights_clock", by, subject=request.kind, request=request.pk)
    return request


def hand_over(*, request_id: int, form: str, by: Viewer) -> None:
    """Note, before the bytes leave, that a released record was handed over."""
    request = held(request_id, STATES.RELEASED)
    step(request, WHAT.FETCHED, by.username, form)
    audit.record(
        "rights_fetched",
        by,
        subject=form,
        persons=1,
        seen=[request.subject.person_no],
        request=request.pk,
    )


def held(request_id: int, state: str) -> RightsRequest:
    """A request in one state, locked with its subject; RefusedStepError in another."""
    request = (
        RightsRequest.objects.select_for_update(of=("self",))
        .select_related("subject")
        .get(pk=request_id)
    )
    if request.state != state:
        known = RightsRequest.State(request.state).label.lower()
        raise RefusedStepError(f"This request is {known}.")
    return request


def step(
    request: RightsRequest,
    what: str,
    by: str,
    note: str = "",
    withheld: list[str] | None = None,
) -> None:
    """Add one thing that was done about a request."""
    RightsStep.objects.create(
        request=request,
        practice_code=request.practice_code,
        at=timezone.now(),
        by=by,
        what=what,
        note=note[:300],
        withheld=withheld or [],
    )
