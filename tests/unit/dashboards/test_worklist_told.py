"""A list whose choice of people rests on a closed feed is closed, and only then."""

from types import SimpleNamespace
from unittest import mock

import pytest

from dashboards.definitions import LISTS
from dashboards.list_specs import asked_by, placeholders
from dashboards.models import ListEntry
from dashboards.selectors import worklist_told
from dashboards.selectors.lanes import TITLES, lanes_of
from dashboards.selectors.worklist_told import ListClosedError, Teller
from dashboards.steps.reasons import bare
from governance.access import ACCESS
from governance.decisions import Standing
from linkage.release import selectors as release

PARTS = ("reasons", "known", "needs")
ROLES = sorted(n for n, r in ACCESS.roles.items() if "worklist" in r.pages)
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


def sentence(text: str) -> str:
    """A text as it stands on a card, with some value in each brace."""
    return bare(text).replace("…", "7")


def needed(part: str, item: object) -> frozenset[frozenset[str]]:
    """The lanes that a sentence tells of: by what it asks and by what it says."""
    names = asked_by([item.when]) | frozenset(placeholders(item.text))  # type: ignore[attr-defined]
    return frozenset[frozenset[str]]().union(*map(lanes_of, names))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", LISTS)
def test_of_every_list_a_role_is_told_what_rests_on_its_lanes(name, role) -> None:
    """Each sentence, alone on a card: all that a role sees, and no more."""
    spec, lanes = LISTS[name], frozenset(ACCESS.roles[role].timeline)
    for part in PARTS:
        for item in getattr(spec, part):
            empty = dict.fromkeys((*PARTS, "changed"), [])
            entry = ListEntry(next_step="none", order_words="", **empty)
            setattr(entry, part, [sentence(item.text)])
            told = Teller(lanes).of_entry(spec, entry)
            is_open = all(each & lanes for each in needed(part, item))
            assert getattr(told, part) == ([sentence(item.text)] if is_open else [])
            assert told.hidden == (not is_open)


def test_some_list_keeps_something_from_every_role_without_all_lanes() -> None:
    """Otherwise the test above would hold of lists that tell nothing."""
    for role in ROLES:
        lanes = frozenset(ACCESS.roles[role].timeline)
        kept = [
            item.text
            for spec in LISTS.values()
            for part in PARTS
            for item in getattr(spec, part)
            if not all(each & lanes for each in needed(part, item))
        ]
        assert bool(kept) == (lanes != frozenset(TITLES))
