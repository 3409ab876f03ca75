"""What a team decides about a person on its list: decision → intervention → outcome."""

from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from dashboards.definitions import LISTS
from dashboards.list_specs import ListSpec, Step
from dashboards.models import Decision, Intervention, ListEntry
from governance import audit
from governance.access import Viewer
from linkage.release import selectors as release
from risk import decisions as risk

CHOICES = ("accept", "decline", "already_known", "later")


class RefusedDecisionError(ValueError):
    """A decision that cannot be taken; the message says why and what to do."""


@transaction.atomic
def decide(
    *,
    programme: str,
    person_no: int,
    choice: str,
    reason: str,
    note: str = "",
    step: str = "",
    by: Viewer,
) -> Decision:
    """Record a decision about someone on today's list.

    An acceptance offers the suggested step, or the one named by `step`, due after
    the step's days, with the outcome measures as they stand today as its baseline.
    Row-level security lets the viewer see and write their own people only.
    """
    spec = LISTS[programme]
    if choice not in CHOICES:
        raise RefusedDecisionError(
            "Choose accept, not suitable, already known or later."
        )
    if reason not in getattr(spec.choices, choice):
        raise RefusedDecisionError("Choose a reason from the list for this decision.")
    entry = _entry(programme, person_no, by)
    _one_at_a_time(programme, person_no)
    latest = latest_decision(programme, person_no)
    if latest is not None and not _is_over(latest, spec):
        raise RefusedDecisionError(
            "A colleague has decided about this person already. Reload the list to"
            " see it; undo it first to decide anew."
        )
    offered = _step(spec, step or entry.next_step)
    audit.record(
        "decision_recorded",
        by,
        subject=programme,
        persons=1,
        choice=choice,
        reason=reason,
    )
    decision = Decision.objects.create(
        programme=programme,
        person_no=person_no,
        practice_code=entry.practice_code,
        release_id=entry.release_id,
        choice=choice,
        reason=reason,
        note=note.replace("\0", "")[:500],
        decided_by=by.user_id,
    )
    if choice == Decision.Choice.ACCEPT:
        _offer(decision, spec, offered, by)
        # Whom a programme takes on, models must not learn to be safe.
        risk.take_on(
            person_no=person_no,
            practice_code=entry.practice_code,
            programme=programme,
            from_on=timezone.localdate(),
        )
    return decision


@transaction.atomic
def undo(*, decision_id: int, by: Viewer) -> Decision:
    """Take a decision back by adding another; what was decided stays on record."""
    decision = Decision.objects.filter(
        pk=decision_id, practice_code__in=by.practice_codes
    ).first()
    if decision is None or decision.choice == Decision.Choice.UNDO:
        raise RefusedDecisionError("There is no such decision to undo.")
    _one_at_a_time(decision.programme, decision.person_no)
    if Decision.objects.filter(undoes=decision).exists():
        raise RefusedDecisionError("This decision has been undone already.")
    audit.record("decision_undone", by, subject=decision.programme, persons=1)
    Intervention.objects.filter(decision=decision).update(
        state=Intervention.State.CANCELLED
    )
    return Decision.objects.create(
        programme=decision.programme,
        person_no=decision.person_no,
        practice_code=decision.practice_code,
        release_id=decision.release_id,
        choice=Decision.Choice.UNDO,
        reason="undone",
        decided_by=by.user_id,
        undoes=decision,
    )


def latest_decision(programme: str, person_no: int) -> Decision | None:
    """Return the last decision about a person that has not been undone."""
    return (
        Decision.objects.filter(
            programme=programme, person_no=person_no, decision__isnull=True
        )
        .exclude(choice=Decision.Choice.UNDO)
        .order_by("-pk")
        .first()
    )


def _entry(programme: str, person_no: int, by: Viewer) -> ListEntry:
    live = release.current()
    entry = ListEntry.objects.filter(
        programme=programme,
        release_id=live.id if live else -1,
        person_no=person_no,
        practice_code__in=by.practice_codes,
    ).first()
    if entry is None:
        raise RefusedDecisionError(
            "This person is not on your list today. Reload the list: a newer release"
            " may have been published."
        )
    return entry


def _one_at_a_time(programme: str, person_no: int) -> None:
    """Wait for a colleague deciding about the same person at this moment.

    The second is then told what the first decided, and overrules nobody. An advisory
    lock, because the web role may lock no row of a list: it cannot update one.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext(%s), %s)", [programme, person_no]
        )


def _is_over(decision: Decision, spec: ListSpec) -> bool:
    """Whether a decision has run out, so that the person may be decided on again."""
    if decision.choice == Decision.Choice.LATER:
        days = spec.later_days
    else:
        days = spec.recheck_days
    return decision.decided_at + timedelta(days=days) <= timezone.now()


def _step(spec: ListSpec, name: str) -> Step:
    """Return a programme's step by its name, before anything is written of it."""
    for step in spec.next_steps:
        if step.name == name:
            return step
    raise RefusedDecisionError("Choose one of the programme's next steps.")


def _offer(decision: Decision, spec: ListSpec, step: Step, by: Viewer) -> None:
    rows = release.profile_rows(
        by,
        [decision.person_no],
        release_id=decision.release_id,
        attributes=set(spec.outcomes),
    )
    baseline = {name: rows[name][0] for name in spec.outcomes} if len(rows) else {}
    Intervention.objects.create(
        decision=decision,
        person_no=decision.person_no,
        practice_code=decision.practice_code,
        kind=step.name,
        due_on=timezone.localdate() + timedelta(days=step.due_in_days),
        baseline=baseline,
    )
