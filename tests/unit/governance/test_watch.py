"""What the weekly review looks at: the hour, and how many names others saw."""

from datetime import UTC, datetime

import pytest

from governance.watch import Heavy, heavier_than_peers, is_out_of_hours


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 11, 23, 7, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 23, 6, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 19, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 23, 20, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 21, 12, 0, tzinfo=UTC), True),
        # In summer London is an hour ahead: 06:30 there is 07:30.
        (datetime(2026, 7, 1, 6, 30, tzinfo=UTC), False),
        (datetime(2026, 7, 1, 19, 30, tzinfo=UTC), True),
    ],
)
def test_the_hours_are_londons(at, expected):
    assert is_out_of_hours(at) is expected


def test_over_three_times_the_others_is_heavy():
    seen = [(1, "mdt", 20), (1, "mdt", 41), (2, "mdt", 20), (3, "mdt", 20)]
    assert heavier_than_peers(seen) == [Heavy(1, "mdt", 61, 20)]
    assert heavier_than_peers([(1, "mdt", 60), *seen[2:]]) == []


def test_few_names_or_nobody_to_compare_with_is_not_heavy():
    assert heavier_than_peers([(1, "mdt", 29), (2, "mdt", 1)]) == []
    assert heavier_than_peers([(1, "mdt", 500), (2, "gp", 1)]) == []
    # Somebody's own number does not raise the middle that they are compared with.
    assert len(heavier_than_peers([(1, "mdt", 500), (2, "mdt", 10)])) == 1
