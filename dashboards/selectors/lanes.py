"""Which lanes of a timeline a viewer sees: by role, purpose and live legal basis."""

from governance import decisions
from governance.access import ACCESS, Viewer
from governance.decisions import Decision
from linkage import legal_basis

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
