"""What a team decides about a person on its list: decision → intervention → outcome."""

from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from dashboards import list_entries
from dashboards.actions import cards
from dashboards.actions.card_locks import in_one_order, one_at_a_time
from dashboards.actions.cards import ConflictError, RefusedDecisionError
from dashboards.definitions import LISTS
from dashboards.list_specs import ListSpec, Step
from dashboards.models import Decision, Intervention, ListEntry
from dashboards.selectors.worklist_standing import gone
from dashboards.selectors.worklist_told import closed_because
from dashboards.steps.reasons import reasons_behind
from governance import audit
from governance.access import Viewer
from linkage.release import selectors as release
from risk import decisions as risk

__all__ = [
    "CHOICES",
    "ConflictError",
    "RefusedDecisionError",
    "decide",
    "decide_many",
    "latest_decision",
    "on_todays_list",
    "undo",
]

CHOICES = ("accept", "decline", "already_known", "later")


@transaction.atomic
def decide(
    *,
    programme: str,
    person_no: int,
    choice: str,
    reason: str,
    note: str = "",
    step: str = "",
    seen_version: int | None = None,
    meeting: str = "",
    by: Viewer,
) -> Decision:
    """Record a decision about someone on today's list.

    `seen_version` is the version of the card that the decider had before them: where
    a colleague has written since, nothing is decided and they are told what was
    done. `meeting` names the meeting in which it was decided.

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
    one_at_a_time(programme, person_no)
    entry = on_todays_list(programme, person_no, by)
    cards.refuse_if_behind(programme, person_no, seen_version)
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
        because=reasons_behind(entry.reasons, spec.reasons),
        decided_by=by.user_id,
    )
    cards.write_event(
        programme=programme,
        person_no=person_no,
        practice_code=entry.practice_code,
        kind="decided",
        detail={"choice": choice, "reason": reason}
        | ({"meeting": meeting} if meeting else {}),
        by=by,
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
    ours = Decision.objects.filter(
        pk=decision_id, practice_code__in=by.practice_codes
    ).exclude(choice=Decision.Choice.UNDO)
    if found := ours.first():
        one_at_a_time(found.programme, found.person_no)
    # Read again: while we waited, it may have gone with its person to another practice.
    decision = ours.first()
    if decision is None:
        raise RefusedDecisionError("There is no such decision to undo.")
    if Decision.objects.filter(undoes=decision).exists():
        raise RefusedDecisionError("This decision has been undone already.")
    audit.record("decision_undone", by, subject=decision.programme, persons=1)
    if decision.choice == Decision.Choice.ACCEPT:
        risk.let_go(
            person_no=decision.person_no,
            programme=decision.programme,
            from_on=timezone.localdate(decision.decided_at),
        )
    Intervention.objects.filter(decision=decision).update(
        state=Intervention.State.CANCELLED
    )
    cards.write_event(
        programme=decision.programme,
        person_no=decision.person_no,
        practice_code=decision.practice_code,
        kind="undone",
        detail={"choice": decision.choice, "reason": decision.reason},
        by=by,
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


def decide_many(
    *,
    programme: str,
    seen: Mapping[int, int],
    choice: str,
    reason: str,
    by: Viewer,
) -> tuple[list[int], dict[int, str]]:
    """Take one decision about several people, each by themselves.

    `seen` maps each person to the version of their card that was seen. Returns whom
    it was taken of, and of whom not and why: one refusal stops none of the others.
    """
    done, refused = [], {}
    for person_no, version in in_one_order(seen):
        try:
            decide(
                programme=programme,
                person_no=person_no,
                choice=choice,
                reason=reason,
                seen_version=version,
                by=by,
            )
            done.append(person_no)
        except RefusedDecisionError as error:
            refused[person_no] = str(error)
    return done, refused


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


def on_todays_list(programme: str, person_no: int, by: Viewer) -> ListEntry:
    live = release.current()
    found = list_entries.entries(
        live.id if live else -1,
        programme=programme,
        person_no=person_no,
        practice_code__in=by.practice_codes,
    )
    if live is not None and (why := closed_because(by, programme, live.id)):
        raise RefusedDecisionError(why)
    if not found or gone(programme, [person_no]):
        raise RefusedDecisionError(
            "This person is not on your list today. Reload the list: a newer release"
            " may have been published."
        )
    return found[0]


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
        code=step.code,
        due_on=timezone.localdate() + timedelta(days=step.due_in_days),
        baseline=baseline,
    )
