"""Segmentation's stage of a refresh: features in, segments and lenses out."""

from linkage.release import parts
from linkage.release.catalogue import Attribute
from linkage.release.stages import StageOutcome
from segmentation.definitions import LENSES, SCHEMES
from segmentation.steps.assign import DECIDED_BY, assign
from segmentation.steps.lens import lens

PART = "segments"
FEATURES_PART = "features"


def assign_segments(release_id: int, shard: int) -> StageOutcome:
    """Put one shard's people in the segments of every scheme, and mark the lenses."""
    features = parts.read(release_id, shard, FEATURES_PART, needed())
    made = features.select("person_no", *(lens(spec) for spec in LENSES.values()))
    for scheme in SCHEMES.values():
        made = made.join(assign(features, scheme), on="person_no", how="left")
    parts.write(release_id, shard, PART, made)
    return StageOutcome(features.height, made.height, attributes())


def needed() -> list[str]:
    """Every feature that a scheme or a lens reads, once."""
    of_schemes = [name for scheme in SCHEMES.values() for name in scheme.tested]
    of_lenses = [
        name
        for spec in LENSES.values()
        for name in (spec.known_by, *(f for test in spec.all_of for f in test.features))
    ]
    return list(dict.fromkeys([*of_schemes, *of_lenses]))


def attributes() -> tuple[Attribute, ...]:
    """What the part holds: a segment and what decided it, and the lenses."""
    found = []
    for name, scheme in SCHEMES.items():
        source = f"segmentation/schemes/{name}.yaml, version {scheme.version}"
        segments = tuple(segment.name for segment in scheme.segments)
        deciding = (*(e.name for e in scheme.elements), segments[-1])
        found += [
            Attribute(
                scheme.attribute,
                scheme.title,
                "category",
                values=segments,
                part=PART,
                source=source,
            ),
            Attribute(
                f"{scheme.attribute}_{DECIDED_BY}",
                f"{scheme.title}: what decided it",
                "category",
                values=deciding,
                part=PART,
                source=source,
            ),
        ]
    found += [
        Attribute(
            spec.attribute,
            spec.title,
            "flag",
            part=PART,
            source=f"segmentation/lenses/{name}.yaml, version {spec.version}",
        )
        for name, spec in LENSES.items()
    ]
    return tuple(found)
