"""Whether a version of a model may order lists, and which versions wait for a yes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from risk.definitions import MODELS
from risk.models import ModelApproval, TrainedModel

APPROVALS_NEEDED = 2


def approvals_of(name: str, spec_hash: str, approved_as: int) -> list[ModelApproval]:
    """Return who has said yes to a version, in order.

    A yes holds for the version that was looked at and for those after it that are its
    like: they all say `approved_as` the same.
    """
    alike = TrainedModel.objects.filter(name=name, approved_as=approved_as)
    # One that was deleted, as a rehearsal is, leaves its number to its yes.
    looked_at = {approved_as, *alike.values_list("version", flat=True)}
    given = ModelApproval.objects.filter(
        name=name, spec_hash=spec_hash, model_version__in=looked_at
    )
    return list(given.order_by("approved_at", "pk"))


def is_approved(model: TrainedModel) -> bool:
    """Return whether enough people have said yes to a version or its like."""
    given = approvals_of(model.name, model.spec_hash, model.approved_as)
    return len({each.user_id for each in given}) >= APPROVALS_NEEDED


def may_feed_lists(attribute: str) -> str:
    """Return why a model's attribute may not order a list; empty where it may.

    A model that is in use needs two people's approval, and must not have been stopped.
    Attributes of no trained model are no model's business.
    """
    for name, spec in MODELS.items():
        if attribute not in (spec.attribute, spec.band_attribute):
            continue
        # Not the card: its figures are large, and every list asks.
        model = (
            TrainedModel.objects.filter(name=name, in_use=True)
            .values_list("spec_hash", "approved_as", "stopped_because")
            .first()
        )
        if model is None:
            return ""
        spec_hash, approved_as, stopped_because = model
        if stopped_because:
            return f"stopped: {stopped_because}"
        given = {a.user_id for a in approvals_of(name, spec_hash, approved_as)}
        if len(given) < APPROVALS_NEEDED:
            return f"approved by {len(given)} of {APPROVALS_NEEDED} people"
    return ""


@dataclass(frozen=True)
class Waiting:
    """A version that is not in use because somebody has to look at it first.

    `because`: how it strays from the version that was approved, or who proposed it.
    `before` and `after`: of a new level, how the version in use and this one lie to
    what came of people whom neither was fitted on (`risk.steps.level.compared`); empty
    of a version that was trained anew.
    """

    name: str
    version: int
    trained_at: datetime
    because: str
    before: dict[str, Any]
    after: dict[str, Any]
    approvals: list[ModelApproval]

    @property
    def missing(self) -> int:
        """How many more people must say yes."""
        given = {each.user_id for each in self.approvals}
        return max(APPROVALS_NEEDED - len(given), 0)


def waiting(name: str) -> list[Waiting]:
    """Return the versions of a model that wait for approvals, the newest first.

    Once approved by enough, the next full refresh puts one to use.
    """
    rows = TrainedModel.objects.filter(~Q(waits_because=""), name=name)
    return [
        Waiting(
            name=name,
            version=row["version"],
            trained_at=row["trained_at"],
            because=row["waits_because"],
            before=row["calibration"].get("before", {}),
            after=row["calibration"].get("after", {}),
            approvals=approvals_of(name, row["spec_hash"], row["approved_as"]),
        )
        for row in rows.order_by("-version").values(
            "version",
            "trained_at",
            "waits_because",
            "calibration",
            "spec_hash",
            "approved_as",
        )
    ]
