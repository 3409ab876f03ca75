"""What counts as the outcome, and that nothing after the index date is an input."""

from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from linkage.feature_definitions import FEATURES, codelists
from linkage.steps.derive import derive
from risk.definitions import MODELS
from risk.steps.competing import incidence
from risk.steps.gather import gather, mark_treated, rows_of
from risk.steps.outcome import outcome
from tests import builders

SPEC = MODELS["emergency_admission"]
INDEX = date(2025, 9, 30)
LAST = INDEX + timedelta(days=365)


def happened(*used: dict, died_on: date | None = None) -> tuple[bool, bool]:
    people = pl.DataFrame(
        {"person_no": [1], "died_on": [died_on]},
        schema={"person_no": pl.Int32, "died_on": pl.Date},
    )
    found = outcome(people, builders.activities(*used), SPEC.outcome, INDEX)
    row = found.row(0, named=True)
    return row["outcome"], row["died_in_horizon"]


def admission(on: date, urgency: str = "emergency", **given) -> dict:
    return builders.activity("admitted", "spell", on, urgency=urgency, **given)


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (admission(INDEX), False),  # the index day is known, not foretold
        (admission(INDEX + timedelta(days=1)), True),
        (admission(LAST), True),
        (admission(LAST + timedelta(days=1)), False),
        (admission(LAST, urgency="elective"), False),
        (admission(LAST, person_no=2), False),
        (builders.activity("emergency", "attendance", LAST), False),
    ],
)
def test_an_emergency_admission_within_the_horizon_is_the_outcome(used, expected):
    assert happened(used)[0] is expected


def test_whoever_dies_first_stays_in_without_the_outcome() -> None:
    assert happened(died_on=INDEX + timedelta(days=5)) == (False, True)
    assert happened(died_on=LAST + timedelta(days=1)) == (False, False)
    assert happened(admission(LAST), died_on=LAST) == (True, True)


def test_nothing_after_the_index_date_is_an_input() -> None:
    """Move, add or remove what came later: the inputs stay, only outcomes change."""
    before = INDEX - timedelta(days=40)
    after = INDEX + timedelta(days=40)
    failing = next(iter(codelists()["heart_failure"].codes))

    def gathered(events: list[dict], used: list[dict]) -> pl.DataFrame:
        event, activity = builders.events(*events), builders.activities(*used)
        features = derive(
            builders.people(builders.person(1), builders.person(2)),
            builders.registrations(builders.registration(1), builders.registration(2)),
            builders.residences(builders.residence(1), builders.residence(2)),
            event,
            activity,
            builders.geography(),
            specs=FEATURES,
            codelists=codelists(),
            as_of=INDEX,
        )
        deaths = builders.people(builders.person(1), builders.person(2))
        made = gather(
            features,
            deaths.select("person_no", "died_on"),
            activity,
            {"it": SPEC},
            index_on=INDEX,
        )
        return rows_of(made, "it", SPEC)

    known = [admission(before), builders.event(failing, before)]
    late = builders.event(failing, before, person_no=2, recorded_on=after)
    plain = gathered(known[1:], known[:1])
    busy = gathered(
        [known[1], builders.event(failing, after, person_no=2), late],
        [known[0], admission(after), admission(after, person_no=2)],
    )
    inputs = [entry.feature for entry in SPEC.inputs]
    assert_frame_equal(plain.select(inputs), busy.select(inputs))
    assert plain["emergency_admissions_12m"].to_list() == [1, 0]
    assert plain["has_heart_failure"].to_list() == [True, False]
    assert plain["outcome"].to_list() == [False, False]
    assert busy["outcome"].to_list() == [True, True]


def test_an_onset_is_a_register_joined_within_the_horizon() -> None:
    spec = SPEC.outcome.model_validate(
        {"of": "onset", "joins": "copd", "horizon_days": 730}
    )
    people = pl.DataFrame(
        {"person_no": [1, 2, 3, 4], "died_on": [None, None, None, INDEX]},
        schema={"person_no": pl.Int32, "died_on": pl.Date},
    )
    later = pl.DataFrame(
        {
            "person_no": [1, 2, 3],
            "has_copd": [True, True, False],
            "copd_since": [INDEX + timedelta(days=1), INDEX, None],
        },
        schema_overrides={"person_no": pl.Int32},
    )
    found = outcome(people, builders.activities(), spec, INDEX, later)
    assert found["outcome"].to_list() == [True, False, False, False]
    assert found["outcome_days"].to_list() == [1, None, None, None]
    with pytest.raises(ValueError, match="later date"):
        outcome(people, builders.activities(), spec, INDEX)


def test_costs_of_the_horizon_are_added_up() -> None:
    spec = SPEC.outcome.model_validate({"of": "cost", "horizon_days": 365})
    people = pl.DataFrame(
        {"person_no": [1, 2], "died_on": [None, None]},
        schema={"person_no": pl.Int32, "died_on": pl.Date},
    )
    used = [
        admission(INDEX, cost_gbp=900),
        admission(INDEX + timedelta(days=3), cost_gbp=1000),
        admission(LAST, cost_gbp=50.5),
    ]
    found = outcome(people, builders.activities(*used), spec, INDEX)
    assert found["amount_gbp"].to_list() == [1050.5, 0]
    assert found["outcome"].to_list() == [True, False]
    above = SPEC.outcome.model_validate(
        {"of": "cost_above", "gbp": 1051, "horizon_days": 365}
    )
    found = outcome(people, builders.activities(*used), above, INDEX)
    assert found["outcome"].to_list() == [False, False]


def test_a_cost_is_reached_on_the_day_that_makes_it_so_much() -> None:
    """Who spends so much and then dies had the outcome first, not the death."""
    spec = SPEC.outcome.model_validate(
        {"of": "cost_above", "gbp": 1000, "horizon_days": 365}
    )
    died = INDEX + timedelta(days=200)
    people = pl.DataFrame(
        {"person_no": [1, 2, 3], "died_on": [died, died, None]},
        schema={"person_no": pl.Int32, "died_on": pl.Date},
    )
    used = [
        admission(INDEX + timedelta(days=days), person_no=person, cost_gbp=cost)
        for person, days, cost in (
            *((1, 100, 333.33), (1, 40, 333.33), (1, 150, 333.34)),
            *((2, 40, 900), (2, 210, 500)),  # the bill came after the death
            *((3, 300, 999.99),),
        )
    ]
    found = outcome(people, builders.activities(*used), spec, INDEX)
    assert found["outcome"].to_list() == [True, False, False]
    assert found["outcome_days"].to_list() == [150, None, None]
    told = incidence(found["outcome_days"], found["died_days"], 365)
    assert told["aalen_johansen"] == pytest.approx(1 / 3, abs=1e-6)
    assert told["died_first"] == pytest.approx(1 / 3, abs=1e-6)


def test_an_onset_before_a_death_is_one_and_death_competes_with_the_others() -> None:
    spec = MODELS["onset_copd"].outcome
    day = timedelta(days=1)
    died = [INDEX + 400 * day] * 3 + [None] * 5
    people = pl.DataFrame(
        {"person_no": range(1, 9), "died_on": died},
        schema={"person_no": pl.Int32, "died_on": pl.Date},
    )
    later = pl.DataFrame(
        {
            "person_no": [1, 2, 4],
            "has_copd": True,
            # Before death; coded only after it; of somebody who lives.
            "copd_since": [INDEX + 100 * day, INDEX + 410 * day, INDEX + 700 * day],
        },
        schema_overrides={"person_no": pl.Int32},
    )
    found = outcome(people, builders.activities(), spec, INDEX, later)
    assert found["outcome"].to_list() == [True, False, False, True, *[False] * 4]
    told = incidence(found["outcome_days"], found["died_days"], spec.horizon_days)
    # 1 of 8; then two of seven die; then one of the five who are left.
    assert told["aalen_johansen"] == pytest.approx(2 / 8, abs=1e-6)
    assert told["naive"] == pytest.approx(1 - 7 / 8 * 4 / 5, abs=1e-6)
    assert told["died_first"] == pytest.approx(2 / 8, abs=1e-6)


def test_people_taken_on_by_a_programme_are_marked_from_its_beginning() -> None:
    features = pl.DataFrame(
        {"person_no": range(1, 6), "age_years": 80},
        schema={"person_no": pl.Int32, "age_years": pl.Int32},
    ).with_columns(
        pl.lit(None, pl.Date).alias("care_plan_on"),
    )
    few = SPEC.model_copy(
        update={"inputs": SPEC.inputs[:1], "audit_by": (), "excluding": ()}
    )
    began = pl.DataFrame(
        {
            "person_no": [1, 2, 3, 4],
            "from_on": [
                LAST,
                LAST + timedelta(days=1),
                INDEX - timedelta(days=364),
                INDEX - timedelta(days=365),
            ],
        },
        schema={"person_no": pl.Int32, "from_on": pl.Date},
    )
    made = gather(
        features.with_columns(
            care_plan_on=pl.when(pl.col("person_no") == 5).then(INDEX)
        ),
        pl.DataFrame(schema={"person_no": pl.Int32, "died_on": pl.Date}),
        builders.activities(),
        {"few": few},
        index_on=INDEX,
        treatments=began,
    )
    marked = rows_of(made, "few", few)
    assert marked["treated"].to_list() == [False, False, True, False, True]
    # Nobody is left out; of the one taken on later it is known when.
    assert marked["taken_on_days"].to_list() == [365, None, None, None, None]


def test_who_is_taken_on_after_the_outcome_is_as_good_as_untouched() -> None:
    day = timedelta(days=1)
    taken = pl.DataFrame(
        {"person_no": [1, 2, 3, 4], "from_on": [INDEX + 100 * day] * 4},
        schema={"person_no": pl.Int32, "from_on": pl.Date},
    )
    people = pl.DataFrame(
        {"person_no": [1, 2, 3, 4], "died_on": [None, None, INDEX + 90 * day, None]},
        schema={"person_no": pl.Int32, "died_on": pl.Date},
    ).with_columns(care_plan_on=pl.lit(None, pl.Date))
    used = [
        admission(INDEX + days * day, person_no=n) for n, days in ((1, 99), (2, 101))
    ]
    followed = outcome(people, builders.activities(*used), SPEC.outcome, INDEX)
    found = mark_treated(followed, SPEC, INDEX, taken)
    assert found["treated"].to_list() == [False] * 4
    # The first was admitted before, the third died before; both keep what came.
    assert found["taken_on_days"].to_list() == [None, 100, None, 100]
    assert found["outcome"].to_list() == [True, True, False, False]


def test_each_model_has_its_own_people_of_what_is_gathered_for_all() -> None:
    """One takes adults, one a quarter of at most two; who is of neither is left out."""
    features = pl.DataFrame(
        {"person_no": range(1, 7), "age_years": [30, 40, 50, 12, 90, 4]},
        schema={"person_no": pl.Int32, "age_years": pl.Int32},
    )
    few = SPEC.model_copy(
        update={
            "inputs": SPEC.inputs[:1],
            "audit_by": (),
            "excluding": (),
            "treated": None,
        }
    )
    old = few.model_copy(
        update={
            "ages": few.ages.model_copy(update={"at_least": 10}),
            "training": few.training.model_copy(update={"most_people": 8}),
        }
    )
    models = {"adults": few, "most two": old}
    made = gather(
        features,
        pl.DataFrame(schema={"person_no": pl.Int32, "died_on": pl.Date}),
        builders.activities(admission(INDEX + timedelta(days=9), person_no=2)),
        models,
        index_on=INDEX,
        shards=4,
    )
    adults = rows_of(made, "adults", few)
    assert adults["person_no"].to_list() == [1, 2, 3, 5]
    assert adults["outcome"].to_list() == [False, True, False, False]
    some = rows_of(made, "most two", old)
    assert some.height == 2
    assert set(some["person_no"]) < {1, 2, 3, 4, 5}
    assert 6 not in made["person_no"]
