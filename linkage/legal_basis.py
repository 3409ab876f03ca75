"""What each attribute of a release and each lane of a timeline is made of: feeds.

Worked out of the definitions, so that a feed whose legal basis ends for a purpose
closes everything that was made of it, and nothing else. Where the definitions do not
tell (segments, scores and predictions read many features), all feeds count.
"""

from functools import cache

from linkage.code_rules import CodePoints, lists_of
from linkage.definitions import FEEDS
from linkage.feature_definitions import FEATURES, codelists
from linkage.feature_specs import ActivityRule, FeatureSpec, Person
from linkage.specs import FeedSpec

# The registered list says who is where; opt-outs are kept to be honoured.
PLACES = frozenset({"registered_list"})
NEVER_CLOSED = frozenset({"type1_opt_out", "national_opt_out"})
# What a general practice writes. A shared record brings it among other things: a
# Type 1 opt-out is for its practice to honour there, before it is shared.
GP_EVENTS = frozenset({"observation", "prescription", "immunisation"})
GP_SETTINGS = frozenset({"gp", "prescribing"})


def of_people(spec: FeedSpec) -> bool:
    """Whether a feed makes facts about people, rather than serving the vault alone."""
    return spec.tier != "vault_only"


@cache
def every_feed() -> frozenset[str]:
    """The feeds that make facts about people."""
    return frozenset(name for name, spec in FEEDS.items() if of_people(spec))


@cache
def numbers() -> dict[int, str]:
    """The feed behind each number that facts carry."""
    return {spec.number: name for name, spec in FEEDS.items()}


@cache
def of_setting(setting: str) -> frozenset[str]:
    """The feeds whose rows become activity in a setting."""
    return frozenset(
        name
        for name, spec in FEEDS.items()
        if any(activity.setting == setting for activity in spec.activities)
    )


@cache
def of_event(kind: str) -> frozenset[str]:
    """The feeds whose rows become dated codes of a kind."""
    return frozenset(
        name
        for name, spec in FEEDS.items()
        if any(event.kind == kind for event in spec.events)
    )


@cache
def _of_system(system: str) -> frozenset[str]:
    return frozenset(
        name
        for name, spec in FEEDS.items()
        if any(event.system == system for event in spec.events)
    )


@cache
def of_attribute(name: str) -> frozenset[str]:
    """The feeds that an attribute of a release is made of; none closes an opt-out."""
    if name in NEVER_CLOSED:
        return frozenset()
    if name.endswith("_code") or name in {"is_registered", "is_resident"}:
        return PLACES
    feature = _features().get(name)
    return of_feature(feature) if feature else every_feed()


@cache
def is_from_gp(name: str) -> bool:
    """Whether an attribute is made of GP data: a Type 1 opt-out closes it."""
    return bool(of_attribute(name) & gp_feeds())


@cache
def gp_feeds() -> frozenset[str]:
    """The feeds that bring GP data and nothing else."""
    return frozenset(
        name
        for name, spec in FEEDS.items()
        if (spec.events or spec.activities)
        and {event.kind for event in spec.events} <= GP_EVENTS
        and {activity.setting for activity in spec.activities} <= GP_SETTINGS
    )


@cache
def _features() -> dict[str, FeatureSpec]:
    return {c: spec for name, spec in FEATURES.items() for c in spec.columns(name)}


def of_feature(spec: FeatureSpec) -> frozenset[str]:
    """The feeds that a feature's rule reads, by its codes, settings and parts."""
    found: set[str] = set()
    for each in spec.built_on:
        found |= of_attribute(each)
    if isinstance(spec.rule, ActivityRule):
        for setting in spec.rule.use.settings:
            found |= of_setting(setting)
    for each in lists_of(spec.rule):
        found |= _of_system(codelists()[each].spec.system)
    if isinstance(spec.rule, CodePoints):
        found |= _of_system(spec.rule.system)
    if isinstance(spec.rule, Person):
        found |= PLACES
    return frozenset(found) or every_feed()
