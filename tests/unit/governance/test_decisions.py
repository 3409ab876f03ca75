"""The one decision: role, purpose, legal basis, status of opt-outs; deny by default."""

from pathlib import Path

import pytest

from governance import decisions
from governance.decisions import NOTHING_LIVE, Standing
from governance.definitions import DefinitionError, load_file
from governance.postgres import PURPOSES_OF_ROWS
from governance.specs import AccessSpec

FILE = Path(decisions.__file__).with_name("roles.yaml")
ACCESS = load_file(FILE, AccessSpec)
LIVE = Standing(live_feeds=frozenset({"gp_observation"}))
ASKED = ("population_health", "worklist")


def on_page(role: str, purpose: str, page: str, standing: Standing = LIVE):
    return decisions.page(ACCESS, standing, role, purpose, page)


def test_postgres_shows_rows_for_the_purposes_that_admit_rows():
    """The floor is written in migrations; the definition may not part from it."""
    admits = {name for name, p in ACCESS.purposes.items() if "rows" in p.shows}
    assert admits == set(PURPOSES_OF_ROWS)


def test_a_role_opens_what_it_names_for_a_purpose_of_its_own():
    assert on_page("pcn_clinician", *ASKED)


@pytest.mark.parametrize(
    ("role", "purpose", "page", "why"),
    [
        ("nobody", "direct_care", "home", "no role nobody"),
        ("researcher", "research", "worklist", "does not open"),
        ("pcn_clinician", "planning", "worklist", "does not work for"),
        ("system_analyst", "planning", "import_list", "does not admit a page"),
        ("pcn_clinician", "no_such_purpose", "home", "does not work for"),
    ],
)
def test_every_no_says_why(role, purpose, page, why):
    decision = on_page(role, purpose, page)
    assert not decision
    assert why in decision.why


def test_without_a_legal_basis_only_pages_about_nobody_open():
    opens = {
        page
        for page in ACCESS.roles["pcn_clinician"].pages
        if on_page("pcn_clinician", "direct_care", page, NOTHING_LIVE)
    }
    assert {ACCESS.pages[page].shows for page in opens} <= {"nothing", "metadata"}
    assert "home" in opens
    refused = on_page("pcn_clinician", "direct_care", "person", NOTHING_LIVE)
    assert "legal basis" in refused.why


def test_stale_opt_outs_close_the_pages_that_need_them_and_own_care_stays_open():
    old = Standing(LIVE.live_feeds, stale={"rows": "too old"})
    assert on_page("pcn_clinician", *ASKED, old).why == "too old"
    assert on_page("pcn_clinician", "population_health", "overview", old)
    assert on_page("pcn_clinician", "population_health", "about", old)


@pytest.mark.parametrize(
    ("role", "purpose", "sees"),
    [
        ("system_analyst", "population_health", "workspace"),
        ("system_analyst", "planning", "aggregates"),
        ("pcn_clinician", "direct_care", "own_list"),
        ("no such role", "direct_care", "aggregates"),
        ("pcn_clinician", "no such purpose", "aggregates"),
    ],
)
def test_what_is_seen_is_the_lesser_of_role_and_purpose(role, purpose, sees):
    assert decisions.sees(ACCESS, role, purpose) == sees


def test_a_lane_needs_the_role_and_one_live_feed():
    def lane(role: str, feeds: set[str], standing: Standing = LIVE):
        return decisions.lane(
            ACCESS, standing, role, "direct_care", "admitted", frozenset(feeds)
        )

    assert lane("pcn_clinician", {"gp_observation", "sus_apc"})
    assert "does not see" in lane("pcn_social_prescriber", {"gp_observation"}).why
    ended = Standing(LIVE.live_feeds, {"sus_apc": "It ended."})
    assert lane("pcn_clinician", {"sus_apc"}, ended).why == "It ended."
    assert lane("pcn_clinician", {"ecds"}).why == decisions.NO_BASIS


def test_a_social_prescriber_sees_no_ward_stays_for_any_purpose():
    spec = ACCESS.roles["pcn_social_prescriber"]
    assert not {"admitted", "mental_health"} & spec.timeline


def test_a_scope_needs_the_role_a_purpose_and_a_basis():
    def scope(name: str, standing: Standing = LIVE, purpose: str = "planning"):
        return decisions.scope(ACCESS, standing, "partner_client", purpose, name)

    assert scope("indicators:read")
    assert not scope("people:read")
    assert not scope("indicators:read", NOTHING_LIVE)
    assert not scope("indicators:read", purpose="direct_care")
    old = Standing(LIVE.live_feeds, stale={"figures": "too old"})
    assert scope("indicators:read", old).why == "too old"


def test_where_nothing_is_known_every_opt_out_is_honoured():
    assert NOTHING_LIVE.honoured("rows") == {"type1", "national", "local"}


def test_a_page_that_nothing_explains_is_refused(tmp_path):
    file = tmp_path / "roles.yaml"
    text = FILE.read_text(encoding="utf-8")
    file.write_text(text.replace("pages: [home, ", "pages: [home, secret, ", 1))
    with pytest.raises(DefinitionError, match="says nothing of secret"):
        load_file(file, AccessSpec)


def test_the_public_is_no_role_that_somebody_can_be_granted():
    assert "public" in ACCESS.roles
    assert "public" not in ACCESS.granted
