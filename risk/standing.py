"""Whether a model's figures may be acted on; if not: since when, why, who may act.

Every page that shows a model's figures asks, so that none of a model that is stopped,
or that nobody has approved, stands there as if it were in order.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from governance.access import ACCESS
from risk.approvals import APPROVALS_NEEDED, may_feed_lists
from risk.definitions import MODELS
from risk.models import TrainedModel
from risk.steps.reasons import written

APPROVAL_PAGE = "approve_model"


@dataclass(frozen=True)
class ModelStanding:
    """A model in use whose figures are not to be acted on.

    `state` is "Stopped" or "Not approved"; `since` the day on which it was stopped, or
    on which the version in use was trained; `remedy` says who may do what about it.
    """

    name: str
    title: str
    state: str
    since: date
    because: str
    remedy: str

    @property
    def words(self) -> str:
        """All of it but the state, in two sentences."""
        day = written(self.since, None)
        how = (
            f"has been stopped since {day}"
            if self.state == "Stopped"
            else f"is not approved, its version in use being of {day}"
        )
        return f"The model “{self.title}” {how}: {self.because} {self.remedy}"


def not_in_order(name: str) -> ModelStanding | None:
    """Return why a model's figures are not to be acted on; None where they may be.

    Nor is there anything to say of a model that has not been trained. KeyError if no
    such model is defined.
    """
    spec = MODELS[name]
    why = may_feed_lists(spec.attribute)
    if not why:
        return None
    trained_at, stopped_because, stopped_at = TrainedModel.objects.values_list(
        "trained_at", "stopped_because", "stopped_at"
    ).get(name=name, in_use=True)
    if stopped_because:
        since = (stopped_at or trained_at).date()
        return ModelStanding(
            name,
            spec.title,
            "Stopped",
            since,
            _ended(stopped_because),
            "Whoever runs the platform lets it order lists again once the cause is"
            " known, or it is trained anew.",
        )
    return ModelStanding(
        name,
        spec.title,
        "Not approved",
        trained_at.date(),
        _ended(why),
        f"{APPROVALS_NEEDED} people must approve it on its card, each a {approvers()}.",
    )


def halted_behind(attributes: Collection[str]) -> list[ModelStanding]:
    """Return the models not in order from which these attributes come, each once."""
    found = [
        not_in_order(name)
        for name, spec in MODELS.items()
        if {spec.attribute, spec.band_attribute} & set(attributes)
    ]
    return [each for each in found if each is not None]


def approvers() -> str:
    """Return the roles that may approve a model, in words."""
    return " or ".join(
        sorted(
            role.title for role in ACCESS.roles.values() if APPROVAL_PAGE in role.pages
        )
    )


def _ended(words: str) -> str:
    return words if words.endswith(".") else f"{words}."
