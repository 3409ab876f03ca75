"""Find care gaps per shard; rate what could be done over the whole release."""

from linkage.models import Release
from linkage.release import parts
from linkage.release.catalogue import Attribute
from linkage.release.stages import StageOutcome
from risk.actions.scores import FEATURES_PART, SCORES_PART
from risk.definitions import GAPS, IMPACT
from risk.steps.gaps import COUNT, gaps
from risk.steps.impact import impact

GAPS_PART = "gaps"
IMPACT_PART = "impact"


def find_gaps(release_id: int, shard: int) -> StageOutcome:
    """Find every care gap of one shard's people into the part "gaps"."""
    as_of = Release.objects.get(pk=release_id).as_of
    wanted = dict.fromkeys(f for spec in GAPS.values() for f in spec.features)
    features = parts.read(release_id, shard, FEATURES_PART, list(wanted))
    made = gaps(features, GAPS, as_of=as_of)
    parts.write(release_id, shard, GAPS_PART, made)
    return StageOutcome(features.height, made.height, gap_attributes())


def rate_impact(release_id: int) -> StageOutcome:
    """Rate what could be done for everybody, each beside others of their place."""
    people = None
    wanted = {f for spec in IMPACT.values() for f in spec.features}
    for part in (FEATURES_PART, SCORES_PART, GAPS_PART):
        has = parts.columns_of(release_id, part)
        found = parts.read_all(release_id, part, sorted(wanted & set(has)))
        people = (
            found
            if people is None
            else people.join(found, on="person_no", how="left", maintain_order="left")
        )
    assert people is not None
    made = people.select("person_no")
    for spec in IMPACT.values():
        made = made.join(impact(people, spec), on="person_no", maintain_order="left")
    parts.write_all(release_id, IMPACT_PART, made, like=FEATURES_PART)
    return StageOutcome(people.height, made.height, impact_attributes())


def gap_attributes() -> tuple[Attribute, ...]:
    """Return what the part "gaps" holds."""
    found = [
        Attribute(
            spec.attribute,
            spec.title,
            "flag",
            part=GAPS_PART,
            source=f"risk/gaps/{name}.yaml, version {spec.version}",
        )
        for name, spec in GAPS.items()
    ]
    found.append(
        Attribute(
            COUNT,
            "Care gaps",
            "number",
            unit="gaps",
            bins=(1, 2, 3, 4, 6),
            part=GAPS_PART,
            source="risk/gaps: how many are open",
        )
    )
    return tuple(found)


def impact_attributes() -> tuple[Attribute, ...]:
    """Return what the part "impact" holds: the mean and its domains."""
    found = []
    for name, spec in IMPACT.items():
        titles = {spec.attribute: spec.title} | {
            spec.column(domain): f"{spec.title}: {each.title.lower()}"
            for domain, each in spec.domains.items()
        }
        found += [
            Attribute(
                attribute,
                title,
                "number",
                unit="of 100",
                bins=(20, 40, 50, 60, 80),
                part=IMPACT_PART,
                source=f"risk/impact/{name}.yaml, version {spec.version}",
            )
            for attribute, title in titles.items()
        ]
    return tuple(found)
