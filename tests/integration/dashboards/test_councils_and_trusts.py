"""A council's grant reaches who lives there, a trust's whom it saw; neither any row."""

from dataclasses import replace
from datetime import timedelta
from unittest import mock

import polars as pl
import pytest
from django.urls import reverse
from django.utils import timezone
from pyroaring import BitMap

from dashboards.selectors.places import Geography
from governance import access
from linkage import reach
from linkage.models import ProviderReach, Release
from linkage.release import selectors as release
from tests import live_system as system
from tests.integration.proofs import walls
from tests.live_pages import words
from tests.live_people import ANNA, ODA

COUNCIL, OTHER_COUNCIL = "E10000001", "E10000002"
ROLES = {"la_public_health": "planning", "provider_analyst": "planning"}


@pytest.fixture(scope="module")
def their_trust(live):
    with system.acting_as("worker"):
        user = system.make_user("provider_analyst", "RXX02", "their_trust")
    live.users["their_trust"] = user
    return live


def test_a_council_sees_figures_of_who_lives_there(live):
    client = live.client("la_public_health")
    page = words(client.get(reverse("overview")))
    assert "Eastmarsh Council" in page
    assert "Registered with" not in page
    assert "Westmoor Council" not in page
    for other in (OTHER_COUNCIL, "E07000002", "P2", "U1", "QZZ", "all"):
        for basis in ("resident", "registered"):
            address = f"{reverse('overview')}?place={other}&basis={basis}"
            assert client.get(address).status_code == 403, (other, basis)


def test_whom_each_reaches_is_what_the_release_and_the_trust_say(their_trust):
    live = their_trust
    council = live.viewer("la_public_health")
    with access.scoped(council):
        view = release.current()
        here = Geography(view, "resident").people_of(council)
        assert here == view.bitmap("council_code", COUNCIL)
        assert 0 < len(here) < len(view.everyone)
    found = {}
    for name in ("provider_analyst", "their_trust"):
        viewer = live.viewer(name)
        with access.scoped(viewer):
            found[name] = Geography(release.current(), "registered").people_of(viewer)
    assert ANNA.person_no in found["provider_analyst"]
    assert ODA.person_no in found["their_trust"]
    assert not found["provider_analyst"] & found["their_trust"]


def test_a_trust_sees_figures_of_whom_it_saw(live):
    client = live.client("provider_analyst")
    page = words(client.get(reverse("overview")))
    assert "NHS trust: Eastmarsh Hospitals" in page
    for other in ("RXX02", "P1", "P2", COUNCIL, "QZZ"):
        address = f"{reverse('overview')}?place={other}"
        assert client.get(address).status_code == 403, other


def test_a_feed_without_a_legal_basis_tells_nothing_of_whom_a_trust_saw(live):
    viewer = live.viewer("provider_analyst")
    with access.scoped(viewer):
        assert reach.seen_by(viewer)
        others = viewer.standing.live_feeds - {"sus_apc"}
        standing = replace(viewer.standing, live_feeds=others)
        assert reach.seen_by(replace(viewer, standing=standing)) == BitMap()


@pytest.mark.parametrize("role", ROLES)
def test_postgres_shows_them_no_row_of_a_person(live, role):
    viewer = live.viewer(role).user_id
    with system.connect("migrator") as owner:
        tables = [each for each in walls.tables(owner) if each.reads]
    assert len(tables) > 5
    with walls.as_web(viewer) as web:
        for table in tables:
            assert walls.persons(web, table.name) == set(), table.name


def test_postgres_shows_a_trust_its_own_people_alone(their_trust):
    live = their_trust
    asked = "SELECT provider_code FROM provider_reach"
    for user, expected in (
        ("provider_analyst", [("RXX01",)]),
        ("their_trust", [("RXX02",)]),
        ("la_public_health", []),
        ("system_analyst", []),
        (None, []),
    ):
        viewer = live.users[user].pk if user else None
        with walls.as_web(viewer) as web:
            assert web.execute(asked).fetchall() == expected, user
    with system.connect("migrator") as owner:
        assert owner.execute(asked).fetchall() == []
        owner.execute(
            "CREATE POLICY careless ON provider_reach FOR SELECT TO web USING (true)"
        )
        try:
            with walls.as_web(None) as web:
                assert web.execute(asked).fetchall() == []
        finally:
            owner.execute("DROP POLICY careless ON provider_reach")


def test_a_grant_that_has_ended_shows_nothing(their_trust):
    live = their_trust
    user = live.users["their_trust"]
    today = timezone.localdate()
    with system.acting_as("worker"):
        user.grants.update(end_on=today)
    try:
        with walls.as_web(user.pk) as web:
            assert web.execute("SELECT * FROM provider_reach").fetchall() == []
    finally:
        with system.acting_as("worker"):
            user.grants.update(end_on=None)


def test_whom_a_trust_saw_is_gathered_once_for_a_full_release(live):
    with system.acting_as("worker"):
        kept = list(ProviderReach.objects.values())
        full = Release.objects.latest("pk")
    near, far = full.as_of - timedelta(days=300), full.as_of - timedelta(days=400)
    system.load_activity(ANNA.person_no, "admitted", "spell", near, provider="RXX01")
    system.load_activity(ODA.person_no, "admitted", "spell", near, provider="RXX02")
    system.load_activity(ODA.person_no, "admitted", "spell", far, provider="RXX01")
    with system.acting_as("worker"):
        assert reach.refresh_reach() == 0
        ProviderReach.objects.all().delete()
        try:
            assert reach.refresh_reach() == 2
            rows = ProviderReach.objects.values_list("provider_code", "people")
            found = {code: set(BitMap.deserialize(bytes(p))) for code, p in rows}
        finally:
            ProviderReach.objects.all().delete()
            ProviderReach.objects.bulk_create(ProviderReach(**row) for row in kept)
    assert found == {"RXX01": {ANNA.person_no}, "RXX02": {ODA.person_no}}


def test_a_release_in_which_no_trust_saw_anybody_is_read_once(live):
    with system.acting_as("worker"):
        kept = list(ProviderReach.objects.values())
        ProviderReach.objects.all().delete()
        read = mock.Mock(
            return_value=pl.DataFrame(schema=["provider_code", "feed_no", "person_no"])
        )
        try:
            with mock.patch.object(reach.bulk, "fetch", read):
                assert reach.refresh_reach() == 0
                first = read.call_count
                assert reach.refresh_reach() == 0
            assert first > 0
            assert read.call_count == first
            for role in ("provider_analyst", "la_public_health"):
                assert not reach.seen_by(live.viewer(role))
        finally:
            ProviderReach.objects.all().delete()
            ProviderReach.objects.bulk_create(ProviderReach(**row) for row in kept)


def test_nobody_gathers_while_another_worker_does(live):
    with system.connect("worker") as other, system.acting_as("worker"):
        kept = list(ProviderReach.objects.values())
        ProviderReach.objects.all().delete()
        try:
            other.execute("SELECT pg_advisory_lock(%s)", [reach.REACH_LOCK])
            assert reach.refresh_reach() == 0
            assert not ProviderReach.objects.exists()
            other.execute("SELECT pg_advisory_unlock(%s)", [reach.REACH_LOCK])
            reach.refresh_reach()
            assert ProviderReach.objects.exists()
        finally:
            ProviderReach.objects.all().delete()
            ProviderReach.objects.bulk_create(ProviderReach(**row) for row in kept)


def test_the_simulator_says_what_bounds_them(live):
    lead = live.client("ig_lead")
    for role, place, said in (
        ("la_public_health", "990", "who lives in the council"),
        ("provider_analyst", "RXX01", "whom the trust has seen"),
    ):
        query = {"role": role, "place": place, "purpose": "planning"}
        page = words(lead.get(reverse("access"), query))
        assert said in page, page[:500]
