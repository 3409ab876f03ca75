"""Opt-outs act per use and at once; a stale status closes what needs it."""

from datetime import timedelta

import pytest
from django.db import connections
from django.urls import reverse
from django.utils import timezone
from pyroaring import BitMap

from dashboards.opt_outs import by_policy
from governance import access
from governance.models import LocalObjection, OptOutSet, RegisterEntry
from governance.registers import selectors as registers
from linkage.models import FeedRun
from linkage.opt_outs import actions as opted_out
from linkage.release import selectors as release
from tests import live_system as system
from tests.live_pages import LIST, page_of, words
from tests.live_people import ANNA, BERT, JACK, KATE

pytestmark = pytest.mark.usefixtures("as_made")


@pytest.fixture
def gathered(live):
    """The sets of who opted out as the store has them; fresh again afterwards."""
    kept = list(OptOutSet.objects.values())
    with system.acting_as("worker"):
        opted_out.refresh(now=timezone.now())
        fresh()
    yield
    with system.acting_as("worker"):
        OptOutSet.objects.all().delete()
        OptOutSet.objects.bulk_create(OptOutSet(**row) for row in kept)
        LocalObjection.objects.all().delete()


def fresh(age: timedelta = timedelta(0)) -> None:
    OptOutSet.objects.update(status_at=timezone.now() - age)


def as_seen(live, role: str, purpose: str) -> release.ReleaseView:
    """The current release as a page of this role and purpose gets it."""
    viewer = live.viewer(role, purpose)
    with access.scoped(viewer):
        found = release.current()
    assert found is not None
    return found


def test_the_store_s_opt_outs_are_gathered_as_sets(live, gathered):
    sets = registers.opted_out(registers.opt_out_stamp(["type1", "national"]))
    assert set(sets["type1"]) == {JACK.person_no}
    assert set(sets["national"]) == {KATE.person_no}


def test_a_type_1_opt_out_takes_gp_data_from_all_but_own_care(live, gathered):
    whole = release.current()
    seen = as_seen(live, "system_analyst", "population_health")
    jack = JACK.person_no
    assert jack in whole.known("frailty_recorded")
    assert jack in seen.everyone
    assert jack not in seen.known("frailty_recorded")
    assert jack in seen.known("emergency_admissions_12m")
    assert jack not in as_seen(live, "icb_board_member", "planning").known(
        "frailty_recorded"
    )
    own_care = as_seen(live, "pcn_clinician", "direct_care")
    assert jack in own_care.known("frailty_recorded")


def test_the_national_opt_out_acts_where_the_signed_policy_says(live, gathered):
    kate = KATE.person_no
    assert kate not in as_seen(live, "system_analyst", "population_health").everyone
    # Planning sees anonymous figures only, to which it does not apply: signed so.
    assert kate in as_seen(live, "icb_board_member", "planning").everyone
    numbers = as_seen(live, "system_analyst", "population_health")
    people = BitMap([kate, ANNA.person_no])
    assert numbers.contributors("age_years", people) == BitMap([ANNA.person_no])


def test_without_a_signature_every_opt_out_is_honoured(live):
    book = registers.book()
    far = timezone.localdate() + timedelta(days=4000)
    assert book.honoured(access.ACCESS, "planning", timezone.localdate()) == {"type1"}
    assert book.honoured(access.ACCESS, "planning", far) == {
        "type1",
        "national",
        "local",
    }
    assert book.honoured(access.ACCESS, "direct_care", far) == frozenset()


def test_a_list_honours_what_it_names_as_far_as_the_policy_signs():
    named = ("type1_opt_out", "national_opt_out")
    assert by_policy(named, frozenset({"type1"})) == ("type1_opt_out",)
    assert by_policy(named, frozenset()) == ()
    assert by_policy((), frozenset({"local"})) == ("local_objection",)


@pytest.mark.parametrize(("days", "status"), [(20, 200), (22, 403)])
def test_a_status_older_than_21_days_closes_case_finding_and_not_care(
    live, gathered, days, status
):
    with system.acting_as("worker"):
        fresh(timedelta(days=days))
    found = live.client("pcn_mdt_member", "population_health").get(LIST)
    assert found.status_code == status
    assert live.client("pcn_mdt_member", "direct_care").get(LIST).status_code == 200
    assert live.client("pcn_mdt_member").get(reverse("about")).status_code == 200
    if status == 403:
        assert "more than 21 days ago" in words(found)
        overview = live.client("system_analyst").get(reverse("overview"))
        assert overview.status_code == 403


def test_an_objection_said_today_takes_somebody_off_the_list_at_once(live, gathered):
    """Online from the next request on, in the sets with the next gathering."""
    client = live.client("pcn_mdt_member", "direct_care")
    before = words(client.get(LIST)).count('<li class="app-card"')
    reference = page_of(live, ANNA, "pcn_mdt_member", "direct_care").rsplit("/", 2)[1]
    address = reverse("objection", args=[reference])
    assert client.post(address, {"do": "object"}).status_code == 302
    assert words(client.get(LIST)).count('<li class="app-card"') == before - 1
    page = client.get(page_of(live, ANNA, "pcn_mdt_member", "direct_care"))
    assert "objects to being picked out by risk" in words(page)
    with system.acting_as("worker"):
        assert opted_out.refresh_if_new(now=timezone.now())
        assert not opted_out.refresh_if_new(now=timezone.now())
    local = registers.opted_out(registers.opt_out_stamp(["local"]))["local"]
    assert set(local) == {ANNA.person_no}
    client.post(address, {"do": "withdraw"})
    assert words(client.get(LIST)).count('<li class="app-card"') == before
    told = [r["event"] for r in system.audit_rows()]
    assert {"objection_recorded", "objection_withdrawn"} <= set(told)


def test_somebody_else_s_patient_cannot_be_made_to_object(live, gathered):
    theirs = live.client("their_mdt", "direct_care")
    reference = page_of(live, ANNA, "pcn_mdt_member", "direct_care").rsplit("/", 2)[1]
    answer = theirs.post(reverse("objection", args=[reference]), {"do": "object"})
    assert answer.status_code == 403
    assert not LocalObjection.objects.exists()


def test_an_opt_out_that_arrives_reaches_figures_with_the_next_gathering(
    live, gathered
):
    """Beat gathers twice a minute: within sixty seconds, without a new release."""
    bert = BERT.person_no
    seen = as_seen(live, "system_analyst", "population_health")
    assert bert in seen.everyone
    mark = "UPDATE person SET national_opt_out = %s WHERE person_no = %s"
    try:
        with system.acting_as("loader"), connections["default"].cursor() as cursor:
            cursor.execute(mark, [True, bert])
            FeedRun.objects.create(
                feed="national_data_opt_out",
                file_name="x.dat",
                sha256="0" * 64,
                state=FeedRun.State.PUBLISHED,
                finished_at=timezone.now(),
                by="test",
            )
        with system.acting_as("worker"):
            assert opted_out.refresh_if_new(now=timezone.now())
        after = as_seen(live, "system_analyst", "population_health")
        assert bert not in after.everyone
        kept = OptOutSet.objects.get(kind="national")
        assert timezone.now() - kept.status_at < timedelta(minutes=1)
    finally:
        with system.acting_as("loader"), connections["default"].cursor() as cursor:
            cursor.execute(mark, [False, bert])
        with system.connect("migrator") as owner:
            owner.execute("DELETE FROM feed_run")


def test_figures_and_lists_say_how_many_are_missing_protected(live, gathered):
    with system.acting_as("worker"):
        everybody = release.current().everyone
        many = BitMap(sorted(everybody)[:40])
        OptOutSet.objects.filter(kind="national").update(people=many.serialize())
        OptOutSet.objects.update(made_at=timezone.now())
    client = live.client("system_analyst")
    page = words(client.get(reverse("opt-outs")))
    assert "People left out" in page
    assert "fewer than 8 people" in page
    figures = words(client.get(reverse("overview")))
    assert "left out, who opted out of this use" in figures
    missing = words(
        live.client("pcn_mdt_member").get(
            reverse("list-missing", args=["proactive_care"])
        )
    )
    assert "Has told the practice not to be picked out by risk." in missing
    assert "(Type 1)" in missing


def test_a_feed_without_a_basis_takes_what_was_made_of_it(live, gathered):
    """Closed, not empty: the page says which feed and since when."""
    with system.acting_as("loader"):
        run = FeedRun.objects.create(
            feed="sus_apc",
            file_name="x.csv",
            sha256="1" * 64,
            state=FeedRun.State.PUBLISHED,
            by="test",
        )
    current = release.current()
    with system.connect("migrator") as owner:
        owner.execute(
            "UPDATE release SET batches = %s WHERE id = %s", [f"[{run.pk}]", current.id]
        )
    entry = RegisterEntry.objects.get(kind="flow", key="sus_apc:population_health")
    try:
        release.forget()
        before = as_seen(live, "system_analyst", "population_health")
        assert "emergency_admissions_12m" in before.catalogue
        with system.connect("migrator") as owner:
            owner.execute(
                "UPDATE register_entry SET expires_on = current_date,"
                " decided_at = now() WHERE id = %s",
                [entry.pk],
            )
        after = as_seen(live, "system_analyst", "population_health")
        assert "emergency_admissions_12m" not in after.catalogue
        assert "frailty_recorded" in after.catalogue
        address = reverse("indicator", args=["emergency_admissions"])
        answer = live.client("system_analyst").get(address)
        assert answer.status_code in {403, 404}
        assert live.client("icb_board_member").get(address).status_code == 200
    finally:
        with system.connect("migrator") as owner:
            owner.execute(
                "UPDATE register_entry SET expires_on = %s, decided_at = now()"
                " WHERE id = %s",
                [entry.expires_on, entry.pk],
            )
            owner.execute("UPDATE release SET batches = '[]'")
            owner.execute("DELETE FROM feed_run")
        release.forget()
