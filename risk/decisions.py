"""What people decide about models: approve, resume, set the level; ask why; take on.

Apart from the other writes, so that the web process loads no training for them.
"""

from datetime import date

from django.db import transaction
from django.db.models import Q

from governance import audit
from governance.access import Viewer
from risk.approvals import APPROVALS_NEEDED, approvals_of, is_approved, waiting
from risk.models import ModelApproval, TrainedModel, Treatment


class RefusedApprovalError(ValueError):
    """An approval that cannot be given; the message says why."""


@transaction.atomic
def approve(
    *, name: str, version: int | None = None, note: str = "", by: Viewer
) -> ModelApproval:
    """Record one person's yes to a version: by default of the one in use, else of one
    that waits. Two people make it ready for lists."""
    known = TrainedModel.objects.filter(name=name)
    if version is None:
        found = known.filter(in_use=True)
    else:
        found = known.filter(~Q(in_use=False, waits_because=""), version=version)
    model = found.values("version", "spec_hash", "approved_as").first()
    if model is None:
        raise RefusedApprovalError("There is no such trained model to approve.")
    given = approvals_of(name, model["spec_hash"], model["approved_as"])
    if by.user_id in {each.user_id for each in given}:
        raise RefusedApprovalError(
            "You have approved this model; a second person must."
        )
    audit.record("model_approved", by, subject=name, version=model["version"])
    return ModelApproval.objects.create(
        name=name,
        spec_hash=model["spec_hash"],
        model_version=model["version"],
        user_id=by.user_id,
        full_name=by.full_name,
        role=by.role,
        note=note.replace("\0", "")[:500],
    )


@transaction.atomic
def ask_for_level(*, name: str, by: Viewer) -> None:
    """Record that somebody asks for a new level; `risk.tasks.recalibrate` makes it.

    What it makes waits for a second person. RefusedApprovalError where no model is in
    use, or a version waits already.
    """
    if not TrainedModel.objects.filter(name=name, in_use=True).exists():
        raise RefusedApprovalError("There is no trained model in use.")
    if waiting(name):
        raise RefusedApprovalError(
            "A version waits to be looked at; decide on that one first."
        )
    audit.record("model_level_asked", by, subject=name)


def ask_why(*, person_no: int, release_id: int, by: Viewer) -> None:
    """Record that somebody asks what a person's figures rest on.

    `risk.tasks.explain` works it out for the page, which is audited by itself. The
    caller has found that the person is one of the viewer's own.
    """
    audit.record(
        "reasons_asked",
        by,
        subject="person",
        persons=1,
        seen=[person_no],
        release=release_id,
    )


@transaction.atomic
def resume(*, name: str, because: str, by: str) -> None:
    """Let a stopped model feed lists again, after somebody has looked into it."""
    audit.record("model_resumed", None, subject=name, because=because, by=by)
    TrainedModel.objects.filter(name=name, in_use=True).update(
        stopped_because="", stopped_at=None
    )


@transaction.atomic
def use_version(*, name: str, version: int, by: str) -> None:
    """Go back to a version that two people approved; none waits any more.

    One that was stopped stays so until `resume`. LookupError if there is no such
    version, RefusedApprovalError if too few have approved it.
    """
    known = TrainedModel.objects.filter(name=name)
    model = known.filter(version=version).defer("payload").first()
    if model is None:
        raise LookupError(f"{name} has no version {version}")
    if not is_approved(model):
        raise RefusedApprovalError(
            f"Version {version} of {name} is not approved by {APPROVALS_NEEDED} people."
        )
    audit.record("model_put_to_use", None, subject=name, version=version, by=by)
    known.update(in_use=False, waits_because="")
    known.filter(pk=model.pk).update(in_use=True)


def take_on(
    *, person_no: int, practice_code: str, programme: str, from_on: date
) -> None:
    """Mark that a programme takes a person on from a date. Safe to repeat.

    Called within the decision that is audited, like `let_go`.
    """
    Treatment.objects.get_or_create(
        person_no=person_no,
        programme=programme,
        from_on=from_on,
        defaults={"practice_code": practice_code},
    )


def let_go(*, person_no: int, programme: str, from_on: date) -> None:
    """Take the mark of that day back: the decision to take the person on was undone."""
    Treatment.objects.filter(
        person_no=person_no, programme=programme, from_on=from_on
    ).delete()


def follow(*, person_no: int, programme: str, practice_code: str) -> None:
    """Give the marks of a person to the practice that they have moved to.

    Called within the move of their card, which is audited.
    """
    Treatment.objects.filter(person_no=person_no, programme=programme).update(
        practice_code=practice_code
    )
