"""Protected figures of two cohorts that differ by a few people tell nothing of them."""

import csv
import io
from datetime import timedelta

import polars as pl
import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from pyroaring import BitMap

from dashboards.selectors import indicators
from dashboards.selectors.asked import Asked
from dashboards.selectors.cohorts import among, people
from dashboards.selectors.places import Geography
from governance import access
from segmentation.cohorts import released
from segmentation.cohorts.released import TooManyQuestionsError
from segmentation.models import ReleasedSet
from tests import live_system
from tests.cohort_site import BUILD, NORTH, OWN, headline, newest, saved, share, words

FRAIL = "c1=feature:frailty_recorded&c1-is=moderate&c1-is=severe"
# The same people but for the few of them who have type 1 diabetes.
BUT_A_FEW = f"{FRAIL}&c2=feature:has_diabetes_type1&c2-is=no"
FRAIL_WHO = {
    "all_of": [{"feature": "frailty_recorded", "any_of": ["moderate", "severe"]}]
}
BUT_A_FEW_WHO = {
    "all_of": [
        *FRAIL_WHO["all_of"],
        {"none_of": [{"feature": "has_diabetes_type1"}]},
    ]
}


def the_few(system, practices) -> BitMap:
    frail = system.any_of("frailty_recorded", ["moderate", "severe"])
    here = system.any_of("practice_code", practices)
    return frail & here & system.bitmap("has_diabetes_type1", "yes")


def rows(client, cohort) -> list[tuple[str, ...]]:
    """A downloaded cohort's figures, without the steps that name its criteria."""
    sent = client.get(reverse("cohort-csv", args=[cohort.pk]))
    text = words(sent).removeprefix("\ufeff")
    return [
        (row["figure"], row["codes"], row["count"], row["denominator"], row["hidden"])
        for row in csv.DictReader(io.StringIO(text))
        if row["figure"] != "steps"
    ]


def test_two_saved_cohorts_that_differ_by_a_few_people_have_one_answer(
    signed_in, system
):
    few = the_few(system, NORTH)
    assert 1 <= len(few) <= 7
    analyst, lead = signed_in("system_analyst"), signed_in("place_lead")
    cohorts = []
    for who in (FRAIL_WHO, BUT_A_FEW_WHO):
        saved(analyst, who=who)
        cohorts.append(newest())
        share(analyst, cohorts[-1], "everyone")
    pages = [
        headline(lead.get(reverse("cohort", args=[cohort.pk]))) for cohort in cohorts
    ]
    assert pages[0] == pages[1]
    assert "is answered with the earlier one" in words(
        lead.get(reverse("cohort", args=[cohorts[1].pk]))
    )
    assert rows(lead, cohorts[0]) == rows(lead, cohorts[1])
    # Inside the workspace counts are exact, and no ledger is asked.
    exact = [headline(analyst.get(reverse("cohort", args=[c.pk]))) for c in cohorts]
    assert exact[0] != exact[1]


def test_what_an_analyst_takes_out_is_held_like_a_page(signed_in, system):
    analyst = signed_in("system_analyst")
    cohorts = [saved(analyst, who=who) for who in (FRAIL_WHO, BUT_A_FEW_WHO)]
    whole = system.any_of("practice_code", set(system.values("practice_code")))
    assert the_few(system, set(system.values("practice_code"))) & whole
    first, second = (rows(analyst, cohort) for cohort in cohorts)
    assert first == second


def test_without_the_ledger_the_difference_would_show(signed_in, system, monkeypatch):
    """The mutation: the same two files differ where the few are counted."""
    monkeypatch.setattr(released, "show", lambda sets, **_: list(sets))
    analyst = signed_in("system_analyst")
    cohorts = [saved(analyst, who=who) for who in (FRAIL_WHO, BUT_A_FEW_WHO)]
    first, second = (rows(analyst, cohort) for cohort in cohorts)
    assert first != second


def test_the_ledger_is_one_for_all_users(users, signed_in, system):
    """Nobody learns by sharing the work: another's earlier question counts."""
    lead, board = signed_in("place_lead"), signed_in("icb_board_member")
    first = headline(lead.get(f"{BUILD}?{FRAIL}&place=P1"))
    second = headline(board.get(f"{BUILD}?{BUT_A_FEW}&place=P1"))
    assert first.endswith("people match")
    assert first == second
    with live_system.acting_as("worker"):
        kept = ReleasedSet.objects.get(is_answer=True)
        assert 7 <= kept.tolerance <= 15
        assert kept.asked_by == users["place_lead"].pk


def test_a_team_lists_who_is_in_a_cohort_and_not_its_twins(
    users, signed_in, system, monkeypatch
):
    """Inclusion health is counted protected and listed person by person."""
    nothing = pl.DataFrame(schema={"person_no": pl.Int64, "practice_code_now": pl.Utf8})
    monkeypatch.setattr(people, "profile_rows", lambda *_, **__: nothing)
    signed_in("pcn_mdt_member")
    team = live_system.signed_in(users["pcn_mdt_member"], "direct_care")
    homeless = system.bitmap("homeless") & system.any_of("practice_code", OWN)
    few = homeless & system.between("medicines_12m", 15)
    assert 1 <= len(few) <= 7
    cohorts = [
        saved(team, who={"all_of": rules})
        for rules in (
            [{"feature": "homeless"}],
            [{"feature": "homeless"}, {"feature": "medicines_12m", "below": 15}],
        )
    ]
    counted = [headline(team.get(reverse("cohort", args=[c.pk]))) for c in cohorts]
    assert counted[0] == counted[1]
    listed = [words(team.get(reverse("cohort-people", args=[c.pk]))) for c in cohorts]
    assert f"{len(homeless)} people of yours" in listed[0]
    assert f"{len(homeless - few)} people of yours" in listed[1]


def among_the_people_of(viewer, system, cohort) -> Asked:
    """A question of Northgate alone, narrowed to a cohort as a page's address does."""
    geography = Geography(system, "registered")
    place, _ = geography.chosen(viewer, "P1")
    with access.scoped(viewer):
        return among.narrowed(Asked(viewer, system, geography, place), str(cohort.pk))


def test_as_denominators_cohorts_that_differ_by_a_few_at_one_place_are_one(
    asker, signed_in, system
):
    """Everywhere else they differ by many: the ledger is asked about the place."""
    analyst = signed_in("system_analyst")
    north = {"feature": "place_code", "any_of": ["P1"]}
    narrower = {"all_of": [*BUT_A_FEW_WHO["all_of"], north]}
    cohorts = []
    for who in (FRAIL_WHO, narrower):
        cohorts.append(saved(analyst, who=who))
        share(analyst, cohorts[-1], "everyone")
    first, second = (among_the_people_of(asker, system, each) for each in cohorts)
    frail = system.any_of("frailty_recorded", ["moderate", "severe"])
    assert first.place.people == frail & system.any_of("practice_code", NORTH)
    assert 1 <= len(the_few(system, NORTH)) <= 7
    assert second.place.people == first.place.people
    assert len(first.geography.base) > len(second.geography.base) + 15
    # Nor does a part of the place tell of the few.
    with access.scoped(asker):
        places = [indicators.places_of(each, "practice") for each in (first, second)]
    told = [{p.code: p.people for p in each if len(p.people) > 7} for each in places]
    assert told[0]
    assert told[0] == told[1]


def test_a_denominator_of_few_neighbours_is_refused(signed_in):
    analyst, lead = signed_in("system_analyst"), signed_in("place_lead")
    few = {"all_of": [{"feature": "age_band", "any_of": ["90+"]}]}
    few["all_of"].append({"feature": "ethnicity_group", "any_of": ["Mixed"]})
    cohort = saved(analyst, who=few)
    share(analyst, cohort, "everyone")
    asked = {"cohort": cohort.pk, "place": "P1"}
    assert lead.get(reverse("overview"), asked).status_code == 403
    many = saved(analyst, who=FRAIL_WHO)
    share(analyst, many, "everyone")
    asked["cohort"] = many.pk
    assert "Frail at home" in words(lead.get(reverse("overview"), asked))
    assert "Frail at home" in words(
        lead.get(reverse("indicator", args=["smoking"]), asked)
    )


def test_a_cohort_is_mapped_inside_the_workspace_alone(signed_in, system):
    """By small area its sets are too many and too small for the ledger."""
    analyst, lead = signed_in("system_analyst"), signed_in("place_lead")
    cohort = saved(analyst, who=FRAIL_WHO)
    share(analyst, cohort, "everyone")
    asked = {"cohort": cohort.pk, "place": "P1"}
    page, file = reverse("overview-map"), reverse("overview-csv", args=["map"])
    assert lead.get(page, {"place": "P1"}).status_code == 200
    assert lead.get(page, asked).status_code == 404
    assert page not in words(lead.get(reverse("overview"), asked))
    assert lead.get(file, asked).status_code == 404
    assert analyst.get(page, asked).status_code == 200
    # What leaves the workspace is held like a page.
    assert analyst.get(file, asked).status_code == 404


def test_a_day_holds_so_many_different_questions(signed_in, monkeypatch):
    monkeypatch.setattr(released, "MOST_A_DAY", 2)
    lead = signed_in("place_lead")
    ages = [f"c1=feature:age_years&c1-low={age}" for age in (20, 40, 60)]
    told = [headline(lead.get(f"{BUILD}?{query}")) for query in ages]
    assert told[2] == "No protected figure can be given of this cohort"
    refused = words(lead.get(f"{BUILD}?{ages[2]}"))
    assert "as many as protected figures allow" in refused
    # The same question again is no other.
    assert headline(lead.get(f"{BUILD}?{ages[0]}")) == told[0]


@pytest.fixture
def asker(users, system, signed_in):
    viewer = access.viewer_for(users["place_lead"])
    assert viewer is not None
    return viewer


def test_closing_in_on_people_is_refused_and_others_may_still_ask(asker, users):
    """Six questions about a thousand people, each with another ten of them changed."""

    def changed(n: int) -> BitMap:
        left_out, put_in = (
            range(20 * n, 20 * n + 10),
            range(5000 + 10 * n, 5010 + 10 * n),
        )
        return (BitMap(range(1000)) - BitMap(left_out)) | BitMap(put_in)

    with access.scoped(asker):
        for n in range(5):
            assert released.show([changed(n)], release_id=1, by=asker) == [changed(n)]
        with pytest.raises(TooManyQuestionsError, match="nearly the same people"):
            released.show([changed(5)], release_id=1, by=asker)
        # One of the five again, or its twin, is no question more.
        assert released.show([changed(2)], release_id=1, by=asker) == [changed(2)]
    other = access.viewer_for(users["la_public_health"])
    with access.scoped(other):
        assert released.show([changed(5)], release_id=1, by=other) == [changed(5)]


def test_a_handful_is_not_kept_and_old_questions_are_forgotten(asker):
    with access.scoped(asker):
        few = [BitMap(range(7)), BitMap()]
        assert released.show(few, release_id=1, by=asker) == few
        assert not ReleasedSet.objects.exists()
        released.show([BitMap(range(8))], release_id=1, by=asker)
        assert released.show([], release_id=1, by=asker) == []
    with live_system.acting_as("worker"):
        ReleasedSet.objects.update(
            asked_at=timezone.now() - timedelta(days=released.KEPT_DAYS + 1)
        )
        assert released.forget(kept_days=released.KEPT_DAYS) == 1
        assert released.forget(kept_days=released.KEPT_DAYS) == 0


def test_two_questions_at_once_take_turns(asker):
    """The second waits for the first, so that it sees what the first was shown."""
    with access.scoped(asker):
        released.show([BitMap(range(1000))], release_id=1, by=asker)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                " AND classid = %s AND granted",
                [released.LOCK],
            )
            assert cursor.fetchone()[0] >= 1
