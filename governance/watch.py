"""What the weekly review of access looks at in the audit trail itself.

The vault compares identifiers (`linkage.vault.watch`); here stand the two that need
none: names shown outside working hours, and far more of them than the role's others.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
OPENS, CLOSES = 7, 20  # of the clock; a surgery's longest day
SATURDAY = 5
TIMES_PEERS = 3
# Below this nobody is asked about: a median of one would make three suspicious.
LEAST_PERSONS = 30


@dataclass(frozen=True)
class Heavy:
    """Somebody who saw far more names in the span than others of the role."""

    user_id: int
    role: str
    persons: int
    peers_median: float


def is_out_of_hours(at: datetime) -> bool:
    """Whether a moment lies at night or at a weekend, by London's clock."""
    local = at.astimezone(LONDON)
    return local.weekday() >= SATURDAY or not OPENS <= local.hour < CLOSES


def heavier_than_peers(seen: Iterable[tuple[int, str, int]]) -> list[Heavy]:
    """Return who saw over three times the median of their role's other users.

    seen: (user_id, role, persons whose names were shown), any number of rows each.
    Somebody alone in their role has no peers and is not compared.
    """
    by_role: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for user_id, role, persons in seen:
        by_role[role][user_id] += persons
    found = []
    for role, users in sorted(by_role.items()):
        for user_id, persons in sorted(users.items()):
            others = [n for other, n in users.items() if other != user_id]
            if not others or persons < LEAST_PERSONS:
                continue
            middle = median(others)
            if persons > TIMES_PEERS * middle:
                found.append(Heavy(user_id, role, persons, middle))
    return found
