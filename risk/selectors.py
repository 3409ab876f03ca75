"""Scores and models as pages read them: what they are, how good, and why so."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from linkage.models import Release
from linkage.release import parts
from linkage.release.sources import holders
from risk.definitions import MODELS, SCORES
from risk.models import ModelApproval, ModelWatch, PersonRisk, TrainedModel
from risk.score_specs import ScoreSpec
from risk.specs import ModelSpec
from risk.steps.reasons import frequency, written

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
    "stopped_because",
    "stopped_at",
)
APPROVALS_NEEDED = 2
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
    stopped_because: str
    stopped_at: datetime | None

    @property
    def approvals(self) -> list[ModelApproval]:
        """Who has said yes to this definition, in order."""
        given = ModelApproval.objects.filter(name=self.name, spec_hash=self.spec_hash)
        return list(given.order_by("approved_at", "pk"))


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


def may_feed_lists(attribute: str) -> str:
    """Return why a model's attribute may not order a list; empty where it may.

    A model that is in use needs two people's approval of its definition, and must not
    have been stopped. Attributes of no trained model are no model's business.
    """
    for name, spec in MODELS.items():
        if attribute not in (spec.attribute, spec.band_attribute):
            continue
        # Not the card: its figures are large, and every list asks.
        model = (
            TrainedModel.objects.filter(name=name, in_use=True)
            .values_list("spec_hash", "stopped_because")
            .first()
        )
        if model is None:
            return ""
        spec_hash, stopped_because = model
        if stopped_because:
            return f"stopped: {stopped_because}"
        approvals = ModelApproval.objects.filter(name=name, spec_hash=spec_hash)
        given = approvals.values("user_id").distinct().count()
        if given < APPROVALS_NEEDED:
            return f"approved by {given} of {APPROVALS_NEEDED} people"
    return ""


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


@dataclass(frozen=True)
class Past:
    """What a release foretold of a person, and as of which day."""

    release_id: int
    as_of: date
    value: float
    band: str


def trajectories(person_no: int) -> dict[str, list[Past]]:
    """Return a person's figures by model over the releases that explained them.

    The oldest first; of the releases of one day the last alone. A release in which a
    figure was too low to be explained has none.
    """
    rows = PersonRisk.objects.filter(person_no=person_no).order_by("release_id")
    told = list(rows.values_list("name", "release_id", "value", "band"))
    days = dict(
        Release.objects.filter(pk__in={row[1] for row in told}).values_list(
            "pk", "as_of"
        )
    )
    found: dict[str, dict[date, Past]] = {}
    for name, release_id, value, band in told:
        if release_id in days:
            day = days[release_id]
            found.setdefault(name, {})[day] = Past(release_id, day, value, band)
    return {name: [past[day] for day in sorted(past)] for name, past in found.items()}


def in_words(
    found: PersonRisk | None, lanes: frozenset[str], most: int = 3
) -> tuple[str, ...]:
    """Return the weightiest reasons of these lanes in words."""
    if found is None:
        return ()
    told = [
        each["words"]
        for each in found.reasons
        if each["feature"] and may_be_told(each["feature"], lanes)
    ]
    return tuple(told[:most])


def may_be_told(feature: str, lanes: frozenset[str]) -> bool:
    """Whether a reason may be said to a role that sees these lanes of a person."""
    return all(
        lane in lanes for begins, lane in LANES.items() if feature.startswith(begins)
    )


@dataclass(frozen=True)
class Told:
    """What one model foretells of a person, as a page says it.

    `band` is what happened, in the model's trial, to the tenth of people whose figures
    were like this one's. `reasons` hold words and what they add to the log-odds; the
    last is all that is not told, and together they are the figure. `before` are the
    figures of earlier days, as day, band and words; `since` says what was not kept.
    """

    title: str
    chance: str
    band: str
    reasons: list[tuple[str, str]]
    before: list[tuple[str, str, str]]
    since: str = ""


def told_of(release_id: int, person_no: int, lanes: frozenset[str]) -> list[Told]:
    """Return what every model foretells of a person and why; the caller audits.

    What rests on a lane that is not among `lanes` keeps its weight and loses its words.
    """
    held = holders(release_id, [person_no])
    held_in = next(release for release, people in held.items() if people)
    rows = {
        row.name: row
        for row in PersonRisk.objects.filter(release_id=held_in, person_no=person_no)
    }
    past = trajectories(person_no)
    found = []
    for name, spec in MODELS.items():
        row = rows.get(name)
        if row is None:
            continue
        found.append(
            Told(
                title=spec.title,
                chance=figure_words(row.value, spec),
                band=trial_words(row.value, name, spec),
                reasons=[
                    (
                        each["words"]
                        if may_be_told(each["feature"], lanes)
                        else NOT_SHOWN,
                        f"{each['adds']:+.2f}",
                    )
                    for each in row.reasons
                ],
                before=[
                    (
                        written(each.as_of, None) or "",
                        band_title(each.band, spec),
                        figure_words(each.value, spec),
                    )
                    for each in past.get(name, [])
                    if each.release_id != held_in
                ],
                since=f"Days on which it was below {least_words(spec)} are not kept.",
            )
        )
    return found


def band_title(band: str, spec: ModelSpec) -> str:
    """Return a band's title, or its name where the definition knows it no more."""
    return next((each.title for each in spec.bands if each.name == band), band)


def least_words(spec: ModelSpec) -> str:
    """Return from which figure on a person's figures are kept with their reasons."""
    if spec.outcome.is_amount:
        return f"£{spec.reasons_from:,.0f}"
    return f"{100 * spec.reasons_from:.0f} in 100"


def figure_words(value: float, spec: ModelSpec) -> str:
    """Return a figure as a natural frequency, or in pounds."""
    if spec.outcome.is_amount:
        return f"about £{round(value, -2):,.0f}"
    return f"{frequency(value)} {spec.happens}"


def trial_words(value: float, name: str, spec: ModelSpec) -> str:
    """Return what happened, in the trial, to people with a figure like this."""
    card = model_card(name)
    if card is None or spec.outcome.is_amount:
        return ""
    found = card.performance
    # Models that were tried before the top was looked at more closely have none.
    parts = [*found["calibration_curve"], *found.get("calibration_top", [])]
    like = [part for part in parts if part["from"] <= value]
    if not like:
        return ""
    did, low, high = (
        round(100 * share) for share in (like[-1]["observed"], *like[-1]["interval"])
    )
    return (
        f"When it was tried, {did} in 100 people with such figures did (95% interval"
        f" {low} to {high})."
    )
