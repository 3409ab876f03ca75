"""Segmentation's stages of a refresh: features in, segments and lenses out."""

from datetime import timedelta

import polars as pl

from linkage.models import Release
from linkage.release import parts, rows
from linkage.release.actions import features_of
from linkage.release.catalogue import Attribute
from linkage.release.stages import StageOutcome
from segmentation.definitions import LENSES, SCHEMES, is_sensitive, local_plus
from segmentation.specs import LensSpec
from segmentation.steps.assign import DECIDED_BY, assign
from segmentation.steps.lens import lenses

PART = "segments"
FEATURES_PART = "features"
BEFORE_PART = "segments_before"
BEFORE = "before"
MOVED_DAYS = 365
NOT_HERE = "not_here"


def assign_segments(release_id: int, shard: int) -> StageOutcome:
    """Put one shard's people in the segments of every scheme, and mark the lenses."""
    features = parts.read(release_id, shard, FEATURES_PART, needed())
    made = lenses(features, LENSES, local_plus())
    for scheme in SCHEMES.values():
        made = made.join(assign(features, scheme), on="person_no", how="left")
    parts.write(release_id, shard, PART, made)
    return StageOutcome(features.height, made.height, attributes())


def trace_segments(release_id: int, shard: int) -> StageOutcome:
    """Put the same people in the segments that they were in a year before.

    By what was known then, with the definitions of now, so that a move is a change
    of the person and not of a rule. Who was not here then is "not_here".
    """
    release = Release.objects.get(pk=release_id)
    now = parts.read(release_id, shard, PART, ["person_no"]).select("person_no")
    then = release.as_of - timedelta(days=MOVED_DAYS)
    asked = [name for scheme in SCHEMES.values() for name in scheme.tested]
    read = rows.up_to(release, shard, then)
    features, _ = features_of(read, then, only=asked, release=release)
    made = now
    for scheme in SCHEMES.values():
        name = scheme.attribute
        was = assign(features, scheme).select(
            "person_no", pl.col(name).alias(f"{name}_{BEFORE}")
        )
        made = made.join(was, on="person_no", how="left", maintain_order="left")
    made = made.with_columns(pl.exclude("person_no").fill_null(NOT_HERE))
    parts.write(release_id, shard, BEFORE_PART, made)
    return StageOutcome(read.rows, made.height, before_attributes())


def needed() -> list[str]:
    """Every feature that a scheme or a lens reads, once."""
    of_schemes = [name for scheme in SCHEMES.values() for name in scheme.tested]
    of_lenses = [
        name for spec in LENSES.values() for name in (spec.known_by, *spec.tested)
    ]
    return list(dict.fromkeys([*of_schemes, *of_lenses, *local_plus().tested]))


def attributes() -> tuple[Attribute, ...]:
    """What the part holds: a segment and what decided it, and the lenses."""
    found = []
    for name, scheme in SCHEMES.items():
        source = f"segmentation/schemes/{name}.yaml, version {scheme.version}"
        segments = tuple(segment.name for segment in scheme.segments)
        deciding = (*(e.name for e in scheme.elements), segments[-1])
        guarded = is_sensitive(scheme.tested)
        found += [
            Attribute(
                scheme.attribute,
                scheme.title,
                "category",
                values=segments,
                part=PART,
                source=source,
                sensitive=guarded,
            ),
            Attribute(
                f"{scheme.attribute}_{DECIDED_BY}",
                f"{scheme.title}: what decided it",
                "category",
                values=deciding,
                part=PART,
                source=source,
                sensitive=guarded,
            ),
        ]
    found += [
        Attribute(
            spec.attribute,
            spec.title,
            "flag",
            part=PART,
            source=f"segmentation/lenses/{name}.yaml, version {spec.version}",
            sensitive=is_sensitive(asked_by(spec)),
        )
        for name, spec in LENSES.items()
    ]
    return tuple(found)


def before_attributes() -> tuple[Attribute, ...]:
    """The segment of each scheme a year before."""
    return tuple(
        Attribute(
            f"{scheme.attribute}_{BEFORE}",
            f"{scheme.title}: a year before",
            "category",
            values=(*(segment.name for segment in scheme.segments), NOT_HERE),
            part=BEFORE_PART,
            source=f"segmentation/schemes/{name}.yaml, version {scheme.version}",
            sensitive=is_sensitive(scheme.tested),
        )
        for name, scheme in SCHEMES.items()
    )


def asked_by(spec: LensSpec) -> tuple[str, ...]:
    """Every feature behind a lens: its own, those of lenses around it, the PLUS."""
    around = [each for each in LENSES.values() if each.attribute in spec.within]
    found = [*spec.tested, *(name for each in around for name in asked_by(each))]
    if spec.plus:
        found += local_plus().tested
    return tuple(dict.fromkeys(found))
