"""Reckon published scores into a release."""

from datetime import date, timedelta

from linkage.definitions import FEEDS
from linkage.models import Release
from linkage.release import parts, rows
from linkage.release.catalogue import Attribute
from linkage.release.stages import StageOutcome
from linkage.steps.derive.known import known_activity, known_events
from risk.definitions import SCORES, score_tables
from risk.score_specs import LOCAL, ImportedMethod
from risk.steps.score import score

FEATURES_PART = "features"
SCORES_PART = "scores"
SCORED_KINDS = ("diagnosis", "observation", "prescription", "status")
# GP records reach back to birth, and no further than this.
EVER = date(1900, 1, 1)


def score_people(release_id: int, shard: int) -> StageOutcome:
    """Reckon every published score of one shard's people into the part "scores"."""
    release = Release.objects.get(pk=release_id)
    as_of = release.as_of
    tables = score_tables()
    features = parts.read(
        release_id, shard, FEATURES_PART, ["age_years", *sorted(tables.features)]
    )
    events = rows.events(release, shard, kinds=SCORED_KINDS, since=EVER)
    activity = rows.activity(
        release, shard, since=as_of - timedelta(days=tables.furthest_days)
    )
    made = score(
        features,
        known_events(events, as_of),
        known_activity(activity, as_of),
        tables=tables,
        feeds={name: spec.number for name, spec in FEEDS.items()},
        as_of=as_of,
    )
    parts.write(release_id, shard, SCORES_PART, made)
    return StageOutcome(
        features.height + events.height, made.height, score_attributes()
    )


def score_attributes() -> tuple[Attribute, ...]:
    """Return what the part "scores" holds of every score."""
    found = []
    for name, spec in SCORES.items():
        source = f"risk/scores/{name}.yaml, version {spec.version}"
        found.append(
            Attribute(
                spec.attribute,
                spec.title,
                "number",
                unit=spec.unit,
                bins=spec.bins,
                part=SCORES_PART,
                source=source,
            )
        )
        if spec.band_attribute:
            found.append(
                Attribute(
                    spec.band_attribute,
                    f"{spec.title}: band",
                    "category",
                    values=tuple(band.name for band in spec.bands),
                    part=SCORES_PART,
                    source=source,
                )
            )
        if isinstance(spec.method, ImportedMethod):
            found.append(
                Attribute(
                    f"{spec.attribute}_on",
                    f"{spec.title}: date",
                    "date",
                    part=SCORES_PART,
                    source=source,
                )
            )
            found.append(
                Attribute(
                    f"{spec.attribute}_source",
                    f"{spec.title}: the feed that it came by",
                    "category",
                    values=senders(spec.method),
                    part=SCORES_PART,
                    source=source,
                )
            )
    return tuple(found)


def senders(method: ImportedMethod) -> tuple[str, ...]:
    """Return the feeds whose events could hold values of an imported score."""
    systems = {LOCAL if method.local_codes else "", method.system}
    return tuple(
        sorted(
            name
            for name, spec in FEEDS.items()
            if any(
                event.kind == "observation" and event.system in systems
                for event in spec.events
            )
        )
    )
