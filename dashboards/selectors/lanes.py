"""Which lanes of a timeline a viewer sees, and which an attribute tells of.

By role, purpose and live legal basis; attributes by their definitions.
"""

from collections.abc import Iterable
from functools import cache

from governance import decisions
from governance.access import ACCESS, Viewer
from governance.decisions import Decision
from linkage import legal_basis
from linkage.code_rules import lists_of
from linkage.definitions import FEEDS
from linkage.feature_definitions import FEATURES, codelists
from linkage.feature_specs import ActivityRule, FeatureSpec
from risk.definitions import SCORES
from risk.score_specs import (
    CohortMethod,
    ImportedMethod,
    Method,
    RecordedMethod,
    WaysMethod,
)

# Which settings of the store a lane of the role's definition shows.
LANES = {
    "gp": ("General practice", "gp"),
    "outpatient": ("Outpatient", "outpatient"),
    "emergency": ("Emergency department", "emergency"),
    "admitted": ("Hospital stays", "admitted"),
    "mental_health": ("Mental health", "mental_health"),
    "community": ("Community services", "community"),
    "social_care": ("Social care", "social_care"),
}
# Which lane a coded event belongs to, so that a role without it never sees it.
EVENT_LANES = {
    "observation": "gp",
    "immunisation": "gp",
    "prescription": "medicine",
    "diagnosis": "admitted",
    "procedure": "admitted",
    "status": "social_care",
}
# Activity of these settings stands on no lane of its own.
LANE_OF = {setting: lane for lane, (_, setting) in LANES.items()} | {
    "prescribing": "medicine",
    "urgent": "emergency",
    "ambulance": "emergency",
    "maternity": "admitted",
    "waiting": "outpatient",
}
# Of each group a role must see one lane.
Needed = frozenset[frozenset[str]]
TITLES = {name: title for name, (title, _) in LANES.items()} | {"medicine": "Medicines"}


def feeds_of(lane: str) -> frozenset[str]:
    """The feeds that fill a lane."""
    kinds = [kind for kind, each in EVENT_LANES.items() if each == lane]
    found = frozenset[str]().union(*(legal_basis.of_event(kind) for kind in kinds))
    return found | legal_basis.of_setting(LANES[lane][1]) if lane in LANES else found


def decided(viewer: Viewer) -> dict[str, Decision]:
    """Decide on every lane for a viewer, with the reason of each no."""
    return {
        lane: decisions.lane(
            ACCESS, viewer.standing, viewer.role, viewer.purpose, lane, feeds_of(lane)
        )
        for lane in TITLES
    }


def open_to(viewer: Viewer) -> frozenset[str]:
    """The lanes that a viewer sees."""
    return frozenset(lane for lane, each in decided(viewer).items() if each)


def closed_feed_numbers(viewer: Viewer) -> list[int]:
    """The feeds, by the number that facts carry, that the purpose may not use."""
    live = viewer.standing.live_feeds
    return [
        number for number, feed in legal_basis.numbers().items() if feed not in live
    ]


def closed_words(lanes: frozenset[str], name: str) -> str:
    """Say which lanes an attribute tells of that are not among these; mostly none."""
    return in_words(each for each in lanes_of(name) if not each & lanes)


def in_words(needed: Iterable[frozenset[str]]) -> str:
    """Say lanes in words: "hospital stays and outpatient or medicines"."""
    groups = (" or ".join(sorted(TITLES[n].lower() for n in each)) for each in needed)
    return " and ".join(sorted(groups))


@cache
def lanes_of(name: str) -> Needed:
    """The lanes that an attribute tells of: of each group a role must see one.

    Activity tells of every setting that it counts. A code tells of one of the lanes
    that its kind of code comes from, which is not said. A score tells of what it is
    reckoned from. The registered list and the address tell of none, nor does a model's
    figure or a segment, which are everybody's who works a list.
    """
    if name in _scores():
        return _of_score(_scores()[name])
    feature = columns().get(name)
    if feature is None:
        return frozenset()
    needed = frozenset[frozenset[str]]().union(*map(lanes_of, feature.built_on))
    if isinstance(feature.rule, ActivityRule):
        settings = feature.rule.use.settings
        needed |= {frozenset({LANE_OF[setting]}) for setting in settings}
    systems = {codelists()[each].spec.system for each in lists_of(feature.rule)}
    coded = frozenset[str]().union(*map(lanes_of_codes, systems))
    return needed | {coded} if coded else needed


@cache
def lanes_of_codes(system: str) -> frozenset[str]:
    """The lanes that codes of one system may come from."""
    return frozenset(
        EVENT_LANES[event.kind]
        for spec in FEEDS.values()
        if legal_basis.of_people(spec)
        for event in spec.events
        if event.system == system and event.kind in EVENT_LANES
    )


@cache
def columns() -> dict[str, FeatureSpec]:
    """The feature behind each column that one makes."""
    return {c: spec for name, spec in FEATURES.items() for c in spec.columns(name)}


@cache
def _scores() -> dict[str, Method]:
    return {
        attribute: spec.method
        for spec in SCORES.values()
        for attribute in (spec.attribute, spec.band_attribute)
        if attribute
    }


def _of_score(method: Method) -> Needed:
    match method:
        case WaysMethod():
            kinds = {EVENT_LANES[kind] for kind in method.event_kinds}
            return frozenset({frozenset(kinds)})
        case ImportedMethod():
            return frozenset({lanes_of_codes(method.system)})
        case RecordedMethod():
            return lanes_of(method.feature)
        case CohortMethod():
            return frozenset[frozenset[str]]().union(*map(lanes_of, method.features))
    # The others read the codes and dates of admissions.
    return frozenset({frozenset({"admitted"})})
