"""Lists from release to release: who, who not and why, since when, and what came of it.

Three releases as the worker makes them. Each list is made twice before it is
published and once after, as a retried task would, and must come out the same.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from django.test import override_settings

from dashboards import store
from dashboards.actions import decide, make_lists, publish_release, undo
from dashboards.definitions import LISTS
from dashboards.models import ListEntry, ListRun, Outcome
from governance import access
from tests import live_people as people
from tests import live_system as system
from tests import page_builders
from tests.live_people import (
    ANNA,
    BERT,
    CORA,
    DREW,
    EDNA,
    JACK,
    KATE,
    ODA,
    PASSED_OVER,
    PIP,
    PROGRAMME,
    Someone,
)

OCTOBER = date(2026, 10, 31)
# Opted out and in a care home: the care home comes first, so it is no opt-out's doing.
BOTH = Someone(7705021, "Z81001", values={"in_care_home": True, "type1_opt_out": True})
TOO_YOUNG = Someone(7705022, "Z81001", values={"age_years": 64.0})
UNREGISTERED = Someone(7705023, None)
IN_NO_NETWORK = Someone(7705024, "Z81001", values={"pcn_code": None})
NEVER_PREDICTED = Someone(7705025, "Z81002", values={"risk_emergency_12m": None})
WITHOUT_FRAILTY_CODE = Someone(
    7705026,
    "Z81001",
    values={
        "frailty_recorded": None,
        "frailty_recorded_on": None,
        "efi": "severe",
        "efi_score": 0.41,
        "risk_emergency_12m": 0.28,
    },
)
FIRST = (
    *(ANNA, BERT, CORA, EDNA, JACK, KATE, ODA, PIP, *PASSED_OVER),
    *(BOTH, TOO_YOUNG, UNREGISTERED, IN_NO_NETWORK, NEVER_PREDICTED),
    WITHOUT_FRAILTY_CODE,
)
# By the second release Anna was admitted twice more and Edna's use stopped rising; by
# the third Anna is no longer in it, Bert has opted out and Edna is back.
WORSE = ANNA.but(emergency_admissions_12m=5.0, bed_days_12m=9.0)
SECOND = (WORSE, BERT, CORA, DREW, EDNA.but(**people.NOT_RISING))
THIRD = (BERT.but(national_opt_out=True), CORA, DREW, EDNA)


@dataclass
class Made:
    """What the worker made, release by release."""

    releases: list[int] = field(default_factory=list)
    entries: list[list[list[dict[str, Any]]]] = field(default_factory=list)
    outcomes: list[list[dict[str, Any]]] = field(default_factory=list)

    def entry(self, nth: int, someone: Someone) -> dict[str, Any] | None:
        """Someone's entry on the list of the nth release."""
        rows = self.entries[nth][0]
        return next((r for r in rows if r["person_no"] == someone.person_no), None)

    def people(self, nth: int, pcn_code: str) -> list[int]:
        """The people of a network's list in order."""
        rows = [r for r in self.entries[nth][0] if r["pcn_code"] == pcn_code]
        return [r["person_no"] for r in sorted(rows, key=lambda r: r["rank"])]


def listed(release_id: int) -> list[dict[str, Any]]:
    rows = ListEntry.objects.filter(release_id=release_id).order_by("person_no")
    return [{k: v for k, v in row.items() if k != "id"} for row in rows.values()]


def make(made: Made, someones: tuple[Someone, ...], as_of: date) -> None:
    with system.acting_as("worker"):
        release_id = system.build_release(people.frame(someones, None), as_of)
        tries = []
        for _ in range(2):
            make_lists(release_id)
            tries.append(listed(release_id))
        publish_release(release_id)
        make_lists(release_id)
        tries.append(listed(release_id))
        made.releases.append(release_id)
        made.entries.append(tries)
        rows = Outcome.objects.filter(release_id=release_id)
        made.outcomes.append(list(rows.values()))


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: Any) -> Iterator[Made]:
    fast = override_settings(
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]
    )
    with django_db_blocker.unblock(), fast, ExitStack() as stack:
        stack.enter_context(system.emptied())
        with system.acting_as("worker"):
            page_builders.make_organisations()
        mdt = system.make_user("pcn_mdt_member", "U1")
        made = Made()
        make(made, FIRST, people.AUGUST)
        with system.acting_as("web"):
            viewer = system.viewer_of(mdt)
            for someone in (ANNA, BERT):
                with access.scoped(viewer):
                    decision = decide(
                        programme=PROGRAMME,
                        person_no=someone.person_no,
                        choice="accept",
                        reason="suitable",
                        by=viewer,
                    )
            with access.scoped(viewer):
                undo(decision_id=decision.pk, by=viewer)
        make(made, SECOND, people.SEPTEMBER)
        make(made, THIRD, OCTOBER)
        stack.enter_context(system.acting_as("worker"))
        yield made


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_making_a_list_again_changes_nothing(made, nth):
    first, second, after_publishing = made.entries[nth]
    assert first
    assert second == first
    assert after_publishing == first


def test_each_network_has_its_own_order_by_risk_with_unknown_risk_last(made):
    ours = [ANNA, BERT, CORA, EDNA, WITHOUT_FRAILTY_CODE, NEVER_PREDICTED]
    assert made.people(0, "U1") == [s.person_no for s in ours]
    assert made.people(0, "U3") == [ODA.person_no, PIP.person_no]
    ranks = [made.entry(0, s)["rank"] for s in ours]
    assert ranks == [1, 2, 3, 4, 5, 6]


def test_a_chance_that_was_never_estimated_is_none_and_not_nought(made):
    assert made.entry(0, NEVER_PREDICTED)["probability"] is None
    assert made.entry(0, BERT)["probability"] == pytest.approx(0.45)


def test_the_reasons_are_sentences_about_this_person(made):
    assert made.entry(0, ANNA)["reasons"] == [
        "Severe frailty, recorded 3 March 2026",
        people.reason(
            "emergency_admissions_12m", is_=3, emergency_admissions_prior_12m=1
        ),
        people.reason("medicines_12m", is_=12),
        "Recorded as living alone",
        people.reason("last_medication_review_days", is_=400),
    ]
    first = made.entry(0, WITHOUT_FRAILTY_CODE)["reasons"][0]
    assert first == people.reason("efi_score", is_="0.41", efi="severe")


def test_what_is_known_needed_and_suggested_comes_from_the_record(made):
    cora = made.entry(0, CORA)
    assert cora["known"] == ["Open referral with community services"]
    assert cora["needs"] == ["Needs an interpreter"]
    steps = [made.entry(0, s)["next_step"] for s in (ANNA, BERT, CORA)]
    assert steps == [
        "structured_medication_review",
        "home_visit_review",
        "holistic_review",
    ]


def test_who_does_not_meet_the_rules_is_nowhere(made):
    with_rules = ListRun.objects.get(programme=PROGRAMME, release_id=made.releases[0])
    everyone_left_out = {
        person
        for rule, practices in with_rules.left_out.items()
        for practice in practices
        for person in store.unpack(with_rules.left_out, rule, practice)
    }
    assert made.entry(0, TOO_YOUNG) is None
    assert TOO_YOUNG.person_no not in everyone_left_out


def test_people_without_a_team_are_on_no_list_and_stop_none(made):
    assert made.entry(0, UNREGISTERED) is None
    assert made.entry(0, IN_NO_NETWORK) is None


def test_the_left_out_are_kept_as_people_by_rule_and_practice(made):
    run = ListRun.objects.get(programme=PROGRAMME, release_id=made.releases[0])
    found = {
        (rule, practice): set(store.unpack(run.left_out, rule, practice))
        for rule, practices in run.left_out.items()
        for practice in practices
    }
    end_of_life, care_home, in_hospital, recent_plan = PASSED_OVER
    assert found == {
        ("not_registered", ""): {UNREGISTERED.person_no},
        ("end_of_life", "Z81001"): {end_of_life.person_no},
        ("care_home", "Z81001"): {care_home.person_no, BOTH.person_no},
        ("in_hospital", "Z81002"): {in_hospital.person_no},
        ("recent_plan", "Z81001"): {recent_plan.person_no},
        ("type1_opt_out", "Z81001"): {JACK.person_no},
        ("national_opt_out", "Z81002"): {KATE.person_no},
    }
    assert run.people == len(made.entries[0][0])
    assert run.spec_hash == LISTS.hashes[PROGRAMME]


def test_since_when_is_carried_over_while_someone_stays(made):
    first, second, third = made.releases
    assert [made.entry(n, CORA)["first_release"] for n in (0, 1, 2)] == [first] * 3
    assert made.entry(1, DREW)["first_release"] == second
    assert made.entry(2, DREW)["first_release"] == second
    # Edna was off the list in between: she is new again.
    assert made.entry(0, EDNA)["first_release"] == first
    assert made.entry(1, EDNA) is None
    assert made.entry(2, EDNA)["first_release"] == third


def test_what_changed_since_the_release_before_is_said(made):
    assert made.entry(0, ANNA)["changed"] == []
    assert made.entry(1, ANNA)["changed"] == ["emergency admissions 12m: 3 → 5"]
    assert made.entry(1, CORA)["changed"] == []
    # Not in the release before, so nothing can have changed.
    assert made.entry(1, DREW)["changed"] == []


def test_an_opt_out_takes_someone_off_the_next_list_and_is_counted(made):
    assert made.entry(1, BERT) is not None
    assert made.entry(2, BERT) is None
    run = ListRun.objects.get(programme=PROGRAMME, release_id=made.releases[2])
    gone = store.unpack(run.left_out, "national_opt_out", "Z81001")
    assert set(gone) == {BERT.person_no}


def test_an_intervention_is_measured_by_the_next_release(made):
    assert made.outcomes[0] == []
    found = {
        row["measure"]: (row["person_no"], row["before"], row["after"])
        for row in made.outcomes[1]
    }
    assert found == {
        "emergency_admissions_12m": (ANNA.person_no, 3.0, 5.0),
        "emergency_attendances_12m": (ANNA.person_no, 1.0, 1.0),
        "bed_days_12m": (ANNA.person_no, 5.0, 9.0),
    }
    assert len(made.outcomes[1]) == 3  # made three times, written once
    assert {row["measured_on"] for row in made.outcomes[1]} == {people.SEPTEMBER}


def test_who_has_left_the_release_is_not_measured(made):
    assert made.outcomes[2] == []
