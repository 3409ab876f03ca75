"""Scores and models as pages read them: what they are, how good, and why so."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from linkage.release import parts
from linkage.release.sources import holders
from risk.approvals import approvals_of
from risk.approvals import may_feed_lists as may_feed_lists
from risk.definitions import MODELS, SCORES
from risk.models import ModelApproval, ModelWatch, PersonRisk, TrainedModel
from risk.score_specs import ImportedMethod, ScoreSpec
from risk.specs import ModelSpec

PREDICTIONS_PART = "predictions"
# The web role may read every column but the model itself.
CARD_COLUMNS = (
    "name",
    "version",
    "trained_at",
    "index_on",
    "horizon_days",
    "people",
    "outcomes",
    "seed",
    "spec_hash",
    "features",
    "definitions",
    "calibration",
    "performance",
    "in_use",
    "approved_as",
    "waits_because",
    "stopped_because",
    "stopped_at",
)
# From which lane of a person's page a reason comes, by how its feature begins; a role
# that may not see the lane is not told the reason.
LANES = {
    "mental_health": "mental_health",
    "community_contacts": "community",
    "long_term_social_care": "social_care",
    "outpatient": "outpatient",
    "emergency_attendances": "emergency",
    "days_since_emergency_attendance": "emergency",
    "emergency_admissions": "admitted",
    "days_since_emergency_admission": "admitted",
    "elective_admissions": "admitted",
    "bed_days": "admitted",
    "medicines": "medicine",
}
NOT_SHOWN = "Something your role does not see"


@dataclass(frozen=True)
class ModelCard:
    """A trained model with its definition and its figures on a later period.

    `performance` is what `risk.steps.assess` returns, of the whole population; groups
    with fewer than 20 outcomes have no figures in it.
    """

    spec: ModelSpec
    name: str
    version: int
    trained_at: datetime
    index_on: date
    horizon_days: int
    people: int
    outcomes: int
    seed: int
    spec_hash: str
    features: list[str]
    definitions: dict[str, Any]
    calibration: dict[str, Any]
    performance: dict[str, Any]
    in_use: bool
    approved_as: int
    waits_because: str
    stopped_because: str
    stopped_at: datetime | None

    @property
    def approvals(self) -> list[ModelApproval]:
        """Who has said yes to this version or its like, in order."""
        return approvals_of(self.name, self.spec_hash, self.approved_as)


def model_card(name: str, version: int | None = None) -> ModelCard | None:
    """Return the card of a model's version, by default of the one in use.

    None before the first training; KeyError if no such model is defined.
    """
    spec = MODELS[name]
    found = TrainedModel.objects.filter(name=name)
    found = (
        found.filter(in_use=True) if version is None else found.filter(version=version)
    )
    row = found.values(*CARD_COLUMNS).first()
    return None if row is None else ModelCard(spec=spec, **row)


def versions(name: str) -> list[ModelCard]:
    """Return every version of a model, the newest first."""
    rows = TrainedModel.objects.filter(name=name).order_by("-version")
    return [ModelCard(spec=MODELS[name], **row) for row in rows.values(*CARD_COLUMNS)]


def scores() -> dict[str, ScoreSpec]:
    """Return the published scores by name: source, licence, ages, bands."""
    return dict(SCORES)


def imported_scores() -> list[tuple[ScoreSpec, ImportedMethod]]:
    """Return the scores that others reckon and deliver, with how they come."""
    return [
        (spec, spec.method)
        for spec in SCORES.values()
        if isinstance(spec.method, ImportedMethod)
    ]


def imported_codes() -> list[str]:
    """Return the codes under which the feed of imported scores brings them."""
    return [code for _, method in imported_scores() for code in method.local_codes]


def ordering_model(attribute: str) -> str | None:
    """Return the name of the model whose figure an attribute is; None if of none."""
    names = (name for name, spec in MODELS.items() if spec.attribute == attribute)
    return next(names, None)


def ordering_title(attribute: str) -> str:
    """Return the title of the model whose figure an attribute is; "" if of none."""
    name = ordering_model(attribute)
    return MODELS[name].title if name else ""


def reasons(
    release_id: int, person_nos: Collection[int], name: str = "emergency_admission"
) -> dict[int, list[dict[str, Any]]]:
    """Return why a model's figure is what it is, for those whose reasons were kept.

    Each reason is `{feature, words, adds}`, the weightiest first. For the worker that
    makes lists: parts of a release are closed to the web.
    """
    column = MODELS[name].reasons_attribute
    found = parts.read_all(release_id, PREDICTIONS_PART, [column]).filter(
        pl.col("person_no").is_in(list(person_nos)) & pl.col(column).is_not_null()
    )
    return {number: json.loads(text) for number, text in found.iter_rows()}


@dataclass(frozen=True)
class Alerts:
    """What the newest release that was held against a model in use says of it.

    `stopped` is why it no longer orders lists, empty where it may; `words` are all
    alerts of that release, those that stop lists first.
    """

    name: str
    title: str
    stopped: str
    words: tuple[str, ...]
    release_id: int | None


def alerts() -> list[Alerts]:
    """Return the models in use that are stopped or passed a limit, stopped ones first.

    Two queries, whatever the number of models: a home page asks.
    """
    in_use = {
        name: (version, stopped)
        for name, version, stopped in TrainedModel.objects.filter(
            in_use=True, name__in=list(MODELS)
        ).values_list("name", "version", "stopped_because")
    }
    newest = ModelWatch.objects.filter(name__in=list(in_use))
    newest = newest.order_by("name", "-release_id").distinct("name")
    seen = {(watch.name, watch.model_version): watch for watch in newest}
    found = []
    for name, (version, stopped) in in_use.items():
        watch = seen.get((name, version))
        told = sorted(watch.alerts, key=lambda each: not each["stops"]) if watch else []
        if stopped or told:
            words = tuple(each["words"] for each in told)
            held = watch.release_id if watch else None
            found.append(Alerts(name, MODELS[name].title, stopped, words, held))
    return sorted(found, key=lambda each: (not each.stopped, each.title))


def watches(name: str, limit: int = 12) -> list[ModelWatch]:
    """Return what the last releases showed of a model, the newest first."""
    return list(ModelWatch.objects.filter(name=name).order_by("-release_id")[:limit])


def explained(
    release_id: int, person_nos: Collection[int], name: str = "emergency_admission"
) -> dict[int, PersonRisk]:
    """Return what is foretold of people and why, as far as row-level security shows.

    The caller audits the reading. People below `reasons_from` are not there.
    """
    return {
        row.person_no: row
        for held_in, people in holders(release_id, person_nos).items()
        for row in PersonRisk.objects.filter(
            release_id=held_in, name=name, person_no__in=people
        )
    }


def in_words(
    found: PersonRisk | None, may: Callable[[list[str]], bool], most: int = 3
) -> tuple[str, ...]:
    """Return the weightiest reasons in words, of those that `may` be told."""
    if found is None:
        return ()
    told = [
        each["words"]
        for each in found.reasons
        if each["feature"] and may([each["feature"]])
    ]
    return tuple(told[:most])


def may_be_told(feature: str, lanes: frozenset[str]) -> bool:
    """Whether a reason may be said to a role that sees these lanes of a person."""
    return all(
        lane in lanes for begins, lane in LANES.items() if feature.startswith(begins)
    )
