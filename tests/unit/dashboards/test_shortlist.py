"""The worklist: who is on it, in which order, why, and who was passed over."""

from datetime import date

import polars as pl
import pytest

from dashboards.list_specs import ListSpec
from dashboards.steps.shortlist import shortlist, written

AS_OF = date(2026, 9, 30)

SPEC = ListSpec.model_validate(
    {
        "title": "Test",
        "owner": "x",
        "review_by": "2027-01-01",
        "source": "x",
        "purpose": "population_health",
        "lawful_basis": "x",
        "honours_opt_outs": ["type1_opt_out"],
        "capacity_per_week": 2,
        "team": "x",
        "who": {
            "all_of": [
                {"attribute": "frailty", "among": ["severe"]},
                {"attribute": "admissions", "more_than": "admissions_before"},
            ]
        },
        "but_not": [
            {"name": "care_home", "when": {"attribute": "care_home"}, "because": "x"},
            {
                "name": "recent_plan",
                "when": {"attribute": "plan_on", "within_days": 180},
                "because": "x",
            },
        ],
        "order_by": "risk",
        "why_order": "x",
        "in_plain_words": {"purpose": "x", "considered": "x", "offered": "x"},
        "reasons": [
            {
                "when": {"attribute": "admissions", "at_least": 1},
                "text": "{admissions} admissions, {admissions_before} before",
                "changed": "admissions",
            },
            {
                "when": {"attribute": "plan_on", "within_days": 9999},
                "text": "Plan of {plan_on}",
            },
        ],
        "known": [],
        "needs": [],
        "next_steps": [
            {
                "name": "visit",
                "title": "Visit",
                "when": {"attribute": "admissions", "at_least": 3},
                "hours": 2,
                "cost_gbp": 80,
                "eligible": "x",
                "due_in_days": 7,
            },
            {
                "name": "review",
                "title": "Review",
                "hours": 1,
                "cost_gbp": 40,
                "eligible": "x",
                "due_in_days": 28,
            },
        ],
        "choices": {"accept": {}, "decline": {}, "already_known": {}, "later": {}},
        "outcomes": [],
    }
)


def people(*rows):
    base = {
        "practice_code": "Z81001",
        "pcn_code": "U90001",
        "frailty": "severe",
        "admissions": 2,
        "admissions_before": 1,
        "care_home": False,
        "plan_on": None,
        "risk": 0.5,
        "type1_opt_out": False,
    }
    made = [base | {"person_no": n} | row for n, row in enumerate(rows, start=1)]
    return pl.DataFrame(made, schema_overrides={"plan_on": pl.Date})


def test_the_riskiest_come_first_within_their_own_network():
    profile = people(
        {"risk": 0.2}, {"risk": 0.9}, {"risk": None}, {"risk": 0.1, "pcn_code": "U2"}
    )
    made = shortlist(profile, None, SPEC, as_of=AS_OF).entries
    assert made.select("person_no", "rank").rows() == [(4, 1), (2, 1), (1, 2), (3, 3)]


@pytest.mark.parametrize(
    "row",
    [
        {"frailty": "mild"},
        {"frailty": None},
        {"admissions": 1},
        {"admissions": None},
        {"practice_code": None},
    ],
)
def test_who_does_not_meet_every_rule_is_not_listed(row):
    made = shortlist(people(row), None, SPEC, as_of=AS_OF)
    assert made.entries.is_empty()
    assert made.left_out.is_empty()


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"care_home": True}, "care_home"),
        ({"plan_on": date(2026, 8, 1)}, "recent_plan"),
        ({"type1_opt_out": True}, "type1_opt_out"),
        ({"type1_opt_out": True, "care_home": True}, "care_home"),
    ],
)
def test_who_is_passed_over_is_counted_under_the_first_rule(row, rule):
    made = shortlist(people(row), None, SPEC, as_of=AS_OF)
    assert made.entries.is_empty()
    assert made.left_out.rows() == [(rule, "Z81001", [1])]


def test_the_policy_of_the_day_says_which_opt_outs_keep_people_off():
    profile = people({"type1_opt_out": True}).with_columns(local_objection=True)
    given = {"as_of": AS_OF, "honours": ("local_objection",)}
    made = shortlist(profile, None, SPEC, **given)
    assert made.left_out.rows() == [("local_objection", "Z81001", [1])]
    unsigned = shortlist(profile, None, SPEC, as_of=AS_OF, honours=())
    assert unsigned.entries["person_no"].to_list() == [1]


def test_who_wants_no_contact_is_passed_over_whatever_the_policy_signs():
    profile = people({}, {}).with_columns(no_contact=pl.Series([True, False]))
    made = shortlist(profile, None, SPEC, as_of=AS_OF, honours=("no_contact",))
    assert made.entries["person_no"].to_list() == [2]
    assert made.left_out.rows() == [("no_contact", "Z81001", [1])]


def test_an_old_plan_or_one_after_the_date_does_not_exclude():
    profile = people({"plan_on": date(2025, 1, 1)}, {"plan_on": date(2026, 10, 2)})
    assert shortlist(profile, None, SPEC, as_of=AS_OF).entries.height == 2


def test_reasons_say_values_and_dates_in_plain_words():
    made = shortlist(
        people({"admissions": 1200, "plan_on": date(2025, 3, 3)}),
        None,
        SPEC,
        as_of=AS_OF,
    ).entries
    assert made["reasons"][0].to_list() == [
        "1,200 admissions, 1 before",
        "Plan of 3 March 2025",
    ]
    assert made["next_step"][0] == "visit"


def test_what_changed_since_the_release_before_is_said():
    before = people({"admissions": 1}, {"admissions": 2})
    now = people({"admissions": 3}, {"admissions": 2}, {"admissions": 2})
    made = shortlist(now, before, SPEC, as_of=AS_OF).entries.sort("person_no")
    assert made["changed"].to_list() == [["admissions: 1 → 3"], [], None]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "not recorded"),
        (True, "yes"),
        (3.0, "3"),
        (0.254, "0.25"),
        (date(2026, 9, 1), "1 September 2026"),
        (12345, "12,345"),
    ],
)
def test_values_are_written_as_people_say_them(value, words):
    assert written(value) == words


def test_a_programme_without_a_step_for_the_rest_is_refused():
    broken = SPEC.model_dump()
    broken["next_steps"] = broken["next_steps"][:1]
    with pytest.raises(ValueError, match="without `when`"):
        ListSpec.model_validate(broken)
