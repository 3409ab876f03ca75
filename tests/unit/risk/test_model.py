"""Training and prediction: repeatable, level on a later date, and explained."""

import json
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from risk.specs import InputSpec, ModelSpec
from risk.steps.assess import MAIN, assess
from risk.steps.matrix import matrix, sample, scatter
from risk.steps.predict import contributions, predict
from risk.steps.reasons import REST, frequency, said, wording
from risk.steps.train import Trained, enough, train
from tests.unit.risk.model_people import SPEC, learnt

ROWS = learnt(6000)
YEAR = "the year to 30 September 2026"


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(ROWS, SPEC)


@pytest.fixture(scope="module")
def later() -> pl.DataFrame:
    return learnt(20_000, seed=2)


def test_training_again_gives_the_same_model_whatever_the_order_of_rows(
    trained,
) -> None:
    assert train(ROWS.sample(fraction=1, shuffle=True, seed=5), SPEC) == trained


@pytest.mark.parametrize("threads", [1, 2])
def test_the_threads_it_is_trained_on_do_not_matter(trained, threads) -> None:
    assert train(ROWS, SPEC, threads=threads) == trained


def test_trees_that_see_a_part_of_very_many_rows_are_the_same_every_time(
    trained, later
) -> None:
    drawn = SPEC.trees.model_copy(update={"rows_a_tree": 2500})
    spec = SPEC.model_copy(update={"trees": drawn})
    found = train(ROWS, spec, threads=1)
    assert found.trees != trained.trees
    assert found == train(ROWS.reverse(), spec, threads=2)
    figures = [
        assess(each, ROWS, later, SPEC)["models"][MAIN] for each in (found, trained)
    ]
    assert figures[0]["auroc"] == pytest.approx(figures[1]["auroc"], abs=0.015)


def test_another_seed_gives_another_model(trained) -> None:
    other = SPEC.model_copy(
        update={"training": SPEC.training.model_copy(update={"seed": 7})}
    )
    assert train(ROWS, other).trees != trained.trees


def test_a_model_survives_being_stored(trained, later) -> None:
    again = Trained.from_bytes(trained.to_bytes())
    assert again == trained
    few = later.head(200)
    assert_frame_equal(predict(few, again, SPEC), predict(few, trained, SPEC))


def test_the_model_is_level_on_later_people_overall_and_by_deprivation(
    trained, later
) -> None:
    figures = assess(trained, ROWS, later, SPEC)
    main = figures["models"][MAIN]
    assert 0.9 < main["observed_over_expected"] < 1.1
    assert 0.8 < main["calibration_slope"] < 1.2
    # What was foretold is near the truth that made the people, not only on average.
    told = predict(later, trained, SPEC)[SPEC.attribute].to_numpy()
    assert np.corrcoef(told, later["chance"].to_numpy())[0, 1] > 0.8
    assert main["auroc"] > figures["models"]["reference"]["auroc"]
    assert figures["within_age"] < main["auroc"]
    assert set(figures["groups"]["ethnicity_group"]) == {"Asian", "White", "Not known"}
    json.dumps(figures)


def test_a_group_with_too_few_outcomes_shows_no_figures(trained, later) -> None:
    odd = later.with_columns(
        sex=pl.when(pl.col("person_no") < 40).then(pl.lit("U")).otherwise("sex")
    )
    groups = assess(trained, ROWS, odd, SPEC)["groups"]["sex"]
    assert groups["U"] == {"too_few": True}
    assert groups["F"]["observed"] >= 20


def test_a_level_that_is_off_in_one_fifth_is_not_said_to_hold(trained, later) -> None:
    def holds(frame: pl.DataFrame) -> bool:
        return assess(trained, ROWS, frame, SPEC)["level_holds"]

    forgot = pl.col("outcome") & ~(
        (pl.col("imd_fifth") == "1") & (pl.col("person_no") % 2 == 0)
    )
    assert not holds(later.with_columns(outcome=forgot))


def test_reasons_add_up_or_are_not_given(trained) -> None:
    from risk.steps.boosting import boosting

    trees = boosting().Booster(model_str=trained.trees)
    inputs = matrix(ROWS.head(300), SPEC.inputs)
    raw = trees.predict(inputs, raw_score=True)
    parts = trees.predict(inputs, pred_contrib=True)
    found = contributions(trees, inputs, raw)
    np.testing.assert_allclose(found.sum(axis=1) + parts[:, -1], raw, atol=1e-9)
    with pytest.raises(ArithmeticError):
        contributions(trees, inputs, raw + 0.01)


def person(**given: Any) -> dict[str, Any]:
    return dict.fromkeys(entry.feature for entry in SPEC.inputs) | given


def test_reasons_are_in_plain_words_and_name_only_what_is_known() -> None:
    names = [entry.feature for entry in SPEC.inputs]
    adds = np.zeros(len(names))
    for name, added in {
        "emergency_admissions_12m": 0.9,
        "has_heart_failure": 0.8,
        "latest_egfr": 0.7,
        "imd_decile": 0.2,
        "sex": 0.04,
        "age_years": -0.4,
    }.items():
        adds[names.index(name)] = added
    known = person(
        **{"date days_since_emergency_admission": 118},
        index_on=date(2026, 9, 30),
        emergency_admissions_12m=3,
        has_heart_failure=False,
        age_years=40,
        imd_decile="1",
        sex="M",
    )
    told = said(known, adds, SPEC, total=-1.5)
    assert [(r["words"], r["adds"]) for r in told] == [
        (
            f"Three emergency admissions in {YEAR}, the last on 4 June 2026",
            0.9,
        ),
        ("Deprivation decile of the home area: 1 (1 is most deprived)", 0.2),
        (REST, -2.6),
    ]
    assert sum(r["adds"] for r in told) == pytest.approx(-1.5)


def test_what_is_told_and_the_rest_add_up_to_the_figure(trained) -> None:
    found = predict(ROWS, trained, SPEC).drop_nulls()
    assert found.height > 500
    for _, risk, _, reasons in found.head(300).iter_rows():
        log_odds = np.log(risk / (1 - risk))
        assert sum(r["adds"] for r in json.loads(reasons)) == pytest.approx(
            log_odds, abs=0.006
        )


def test_words_leave_out_a_date_that_is_not_known() -> None:
    entry = next(e for e in SPEC.inputs if e.feature == "has_heart_failure")
    assert wording(entry, True, person()) == "Heart failure"
    since = {"date heart_failure_since": date(2021, 3, 1)}
    assert wording(entry, True, person() | since) == "Heart failure since 1 March 2021"


@pytest.mark.parametrize(
    ("chance", "words"),
    [
        (0.31, "about 3 in 10 people like this"),
        (0.96, "more than 9 in 10 people like this"),
        (0.94, "about 9 in 10 people like this"),
        (0.25, "about 3 in 10 people like this"),
        (0.034, "about 3 in 100 people like this"),
        (0.003, "fewer than 1 in 100 people like this"),
    ],
)
def test_a_chance_is_told_as_a_natural_frequency(chance, words) -> None:
    assert frequency(chance) == words


def test_people_under_an_intervention_are_marked_and_not_learnt_from(trained) -> None:
    """Had a programme prevented admissions, nobody must be learnt to be safe."""
    saved = pl.col("person_no") % 3 == 0
    success = ROWS.with_columns(outcome=pl.col("outcome") & ~saved, treated=saved)
    alone = ROWS.filter(~saved)
    assert train(success, SPEC) == train(alone, SPEC)
    figures = assess(trained, success, success, SPEC)
    assert figures["treated_left_out"] == int(success["treated"].sum())
    assert figures["people"] == alone.height


def test_an_amount_is_the_chance_of_any_times_how_much() -> None:
    outcome = SPEC.outcome.model_validate({"of": "cost", "horizon_days": 365})
    spec = SPEC.model_copy(update={"outcome": outcome, "reasons_from": 100.0})
    rows = ROWS.with_columns(outcome=pl.col("amount_gbp") > 0)
    found = train(rows, spec)
    told = predict(rows, found, spec)
    spent = rows["amount_gbp"].sum()
    assert told[spec.attribute].sum() == pytest.approx(spent, rel=0.1)
    figures = assess(found, rows, rows, spec)
    assert 0.9 < figures["observed_over_expected"] < 1.1
    assert Trained.from_bytes(found.to_bytes()) == found
    assert json.loads(told[spec.reasons_attribute].drop_nulls()[0])


def test_nothing_is_a_reason_though_it_weighs() -> None:
    adds = np.full(len(SPEC.inputs), 0.5)
    (rest,) = said(person(emergency_admissions_12m=0), adds, SPEC, total=0.25)
    assert rest == {"feature": "", "words": REST, "adds": 0.25}


def test_an_old_result_is_forgotten_whenever_the_record_began() -> None:
    frame = ROWS.head(2).with_columns(
        latest_egfr=40.0,
        latest_egfr_on=pl.Series([date(2022, 10, 1), date(2022, 9, 30)]),
    )
    place = [entry.feature for entry in SPEC.inputs].index("latest_egfr")
    found = matrix(frame, SPEC.inputs)[:, place]
    assert found[0] == 40  # 730 days before 30 September 2024
    assert np.isnan(found[1])
    long_ago = InputSpec(feature="days_since_gp", words="{value}", within_days=730)
    days = pl.DataFrame({"days_since_gp": [730, 731]})
    np.testing.assert_array_equal(matrix(days, [long_ago])[:, 0], [730, np.nan])


def test_children_have_no_prediction_and_low_risks_no_reasons(trained) -> None:
    frame = ROWS.head(400).with_columns(
        age_years=pl.when(pl.col("person_no") == 0).then(17).otherwise("age_years")
    )
    found = predict(frame, trained, SPEC)
    child = found.row(0, named=True)
    assert child[SPEC.attribute] is None
    assert child[SPEC.band_attribute] is None
    assert found["person_no"].to_list() == frame["person_no"].to_list()
    adults = found[1:]
    explained = adults[SPEC.reasons_attribute].is_not_null()
    assert (explained == (adults[SPEC.attribute] >= SPEC.reasons_from)).all()


def test_bands_hold_the_shares_of_people_that_they_are_named_for(trained) -> None:
    found = predict(ROWS, trained, SPEC)[SPEC.band_attribute]
    shares = {b: n / len(found) for b, n in found.value_counts().iter_rows()}
    assert 0.002 < shares["very high"] < 0.015
    assert 0.13 < shares["rising"] < 0.17


def test_a_model_is_not_used_with_other_inputs(trained) -> None:
    fewer = SPEC.model_copy(update={"inputs": SPEC.inputs[:-1]})
    with pytest.raises(ValueError, match="other inputs"):
        predict(ROWS.head(5), trained, fewer)


def test_a_category_that_the_definition_does_not_list_is_refused() -> None:
    odd = ROWS.head(3).with_columns(sex=pl.lit("X"))
    with pytest.raises(ValueError, match="sex: not listed"):
        matrix(odd, SPEC.inputs)


def test_a_sample_is_the_same_people_every_time_and_spread_out() -> None:
    people = pl.DataFrame({"person_no": pl.Series(range(10_000), dtype=pl.Int32)})
    chosen = sample(people, 1000, seed=3)["person_no"]
    assert chosen.to_list() == sample(people, 1000, seed=3)["person_no"].to_list()
    assert chosen.is_sorted()
    assert chosen.to_list() != sample(people, 1000, seed=4)["person_no"].to_list()
    # Somebody in the sample stays in it when others leave.
    half = people.filter(pl.col("person_no") % 2 == 0)
    kept = sample(half, 1000, seed=3)["person_no"]
    assert set(chosen.filter(chosen % 2 == 0)) <= set(kept)
    folds = scatter(people["person_no"], 3) % np.uint64(3)
    assert all(3000 < (folds == fold).sum() < 3700 for fold in range(3))


def test_too_few_outcomes_are_not_learnt_from() -> None:
    nobody = ROWS.with_columns(outcome=pl.col("person_no") < 29)
    assert not enough(nobody, SPEC)
    with pytest.raises(ValueError, match="too few"):
        train(nobody, SPEC)


@pytest.mark.parametrize("days", [(364, (729,)), (365, (600,))])
def test_outcomes_of_training_and_test_may_not_overlap(days) -> None:
    test_days, train_days = days
    changed = SPEC.training.model_dump() | {
        "test_days": test_days,
        "train_days": train_days,
    }
    with pytest.raises(ValueError, match="begin after"):
        ModelSpec.model_validate(SPEC.model_dump() | {"training": changed})


def test_of_very_many_rows_one_part_sets_rounds_and_level(later) -> None:
    many = SPEC.training.model_copy(update={"one_fold_from": 1000})
    spec = SPEC.model_copy(update={"training": many})
    rows = learnt(40_000, seed=3)
    found = train(rows, spec)
    assert found == train(rows.reverse(), spec)
    main = assess(found, rows, later, spec)["models"][MAIN]
    assert 0.88 < main["observed_over_expected"] < 1.12
