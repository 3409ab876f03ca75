"""A list whose choice of people rests on a closed feed is closed, and only then."""

from types import SimpleNamespace
from unittest import mock

import pytest

from dashboards.selectors import worklist_told
from dashboards.selectors.worklist_told import ListClosedError, Teller, lanes_of
from governance.decisions import Standing
from linkage.release import selectors as release

FEEDS = frozenset({"registered_list", "gp_observation", "sus_apc"})


def viewer(live: frozenset[str]) -> SimpleNamespace:
    shut = {feed: f"{feed} ended today." for feed in FEEDS - live}
    return SimpleNamespace(
        purpose="population_health",
        standing=Standing(live_feeds=live, closed_feeds=shut),
    )


def test_a_list_closes_with_a_feed_that_decides_who_is_on_it() -> None:
    with mock.patch.object(release, "delivered", return_value=FEEDS):
        worklist_told.refuse_closed(viewer(FEEDS), "proactive_care", 1)
        ended = viewer(FEEDS - {"gp_observation"})
        with pytest.raises(ListClosedError, match="gp_observation ended today"):
            worklist_told.refuse_closed(ended, "proactive_care", 1)


def test_what_an_attribute_tells_of_is_read_from_its_definition() -> None:
    assert frozenset({"admitted"}) in lanes_of("emergency_admissions_12m")
    assert any("gp" in group for group in lanes_of("frailty_recorded"))
    assert lanes_of("age_years") == frozenset()
    prescriber = Teller(frozenset({"gp", "community", "social_care"}))
    assert not prescriber.may(["emergency_admissions_12m"])
    assert prescriber.may(["frailty_recorded"])
    assert not Teller(prescriber.lanes, frozenset({"efi"})).may(["efi"])
