"""What a stage of a refresh is. The order stands in the schedule that settings name.

The runner calls actions by name, so that this layer knows nothing of the layers
above whose stages it runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.utils.module_loading import import_string

from linkage.release.catalogue import Attribute


@dataclass(frozen=True)
class Stage:
    """One stage: its name, what one task of it covers, and the action it calls.

    per "shard": action(release_id, shard: int); "attribute_group":
    action(release_id, group: str); "name": action(release_id, name: str), for each of
    the definitions that `names` points to; "release": action(release_id). Each returns
    a `StageOutcome` and may be called again for the same unit without harm.
    """

    name: str
    per: Literal["shard", "attribute_group", "name", "release"]
    action: str
    names: str = ""

    def call(self, release_id: int, unit: str) -> "StageOutcome":
        """Do one unit of the stage."""
        action: Callable[..., StageOutcome] = import_string(self.action)
        if self.per == "release":
            return action(release_id)
        return action(release_id, int(unit) if self.per == "shard" else unit)


@dataclass(frozen=True)
class StageOutcome:
    """What one unit did: rows read and written, and the attributes of its columns.

    Every unit of a stage gives the same attributes in the same order.
    """

    rows_in: int = 0
    rows_out: int = 0
    attributes: tuple[Attribute, ...] = ()


def stages(*, delta: bool = False) -> tuple[Stage, ...]:
    """The stages of a refresh in order; a delta leaves some out."""
    found: tuple[Stage, ...] = import_string(settings.REFRESH_STAGES)
    if not delta:
        return found
    left_out: frozenset[str] = import_string(settings.LEFT_OUT_OF_DELTAS)
    return tuple(stage for stage in found if stage.name not in left_out)


def stage(name: str) -> Stage:
    """One stage by its name; KeyError if the schedule has none of it."""
    for one in stages():
        if one.name == name:
            return one
    raise KeyError(f"the schedule has no stage {name!r}")


def after(name: str, *, delta: bool = False) -> Stage | None:
    """The stage that follows; None after the last."""
    order = stages(delta=delta)
    position = [one.name for one in order].index(name)
    return order[position + 1] if position + 1 < len(order) else None


def alike(name: str, *, delta: bool = False) -> tuple[Stage, ...]:
    """The stages worked shard by shard in one go with one that is; else it alone."""
    order = stages(delta=delta)
    position = [one.name for one in order].index(name)
    first, last = position, position + 1
    if order[position].per == "shard":
        while first > 0 and order[first - 1].per == "shard":
            first -= 1
        while last < len(order) and order[last].per == "shard":
            last += 1
    return order[first:last]


def before(name: str, *, delta: bool = False) -> tuple[Stage, ...]:
    """The stages in front of one, in their order."""
    order = stages(delta=delta)
    return order[: [one.name for one in order].index(name)]


def definition_hashes() -> dict[str, str]:
    """The hash of every definition that the stages use, by "kind/name"."""
    sources: Mapping[str, str] = import_string(settings.RELEASE_DEFINITIONS)
    found: dict[str, str] = {}
    for kind, dotted in sources.items():
        source = import_string(dotted)
        hashes: Mapping[str, str] = source() if callable(source) else source.hashes
        found |= {f"{kind}/{name}": value for name, value in hashes.items()}
    return dict(sorted(found.items()))
