"""Every rule of a feed says all that it needs, and speaks of what there is."""

import pytest

from linkage.definitions import FEEDS
from linkage.steps.validate import RULES

CHECKED = [
    (name, check) for name, spec in sorted(FEEDS.items()) for check in spec.checks
]
PAIRS = {"earlier_than", "needs", "not_with"}


@pytest.mark.parametrize(("name", "check"), CHECKED)
def test_a_check_is_whole(name, check) -> None:
    spec = FEEDS[name]
    assert check.rule in RULES
    assert set(check.columns) <= set(spec.expanded)
    if check.rule in PAIRS:
        assert check.column
        assert check.other
    if check.rule == "earlier_than":
        assert set(check.columns) <= set(spec.of_type("date"))
    if check.rule == "not_delivered":
        other = FEEDS[check.feed]
        # The key of the other feed's rows, column by column and type by type.
        assert len(check.columns) == len(other.key)
        for ours, theirs in zip(check.columns, other.key, strict=True):
            assert spec.expanded[ours].type == other.expanded[theirs].type
        assert other.order < spec.order


@pytest.mark.parametrize("name", sorted(FEEDS))
def test_limits_speak_of_headers_that_are_known(name) -> None:
    spec = FEEDS[name]
    known = {header for column in spec.expanded.values() for header in column.headers}
    assert set(spec.gate.limits) <= known
