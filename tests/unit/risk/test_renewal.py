"""How far a version trained anew may stray from the one people approved."""

import copy

import pytest

from risk.definitions import MODELS
from risk.steps.renewal import beyond
from tests.unit.risk.model_people import SPEC

POUNDS = MODELS["cost_next_year"]


def card(**main) -> dict:
    """A card whose figures lie within every limit."""
    told = {
        "observed_over_expected": 1.0,
        "interval": [0.97, 1.03],
        "calibration_slope": 1.0,
        "slope_interval": [0.95, 1.05],
        "auroc": 0.75,
        "auroc_interval": [0.74, 0.76],
        "variance_explained": 0.2,
    } | main
    group = {"people": 5000, "observed": 500, "having": 500}
    group |= {"observed_over_expected": 1.0, "interval": [0.92, 1.09]}
    return {
        "main": "it",
        "models": {"it": told},
        "groups": {"imd_fifth": {"1": group, "2": {"too_few": True}}},
    }


def test_a_version_like_the_approved_one_strays_nowhere() -> None:
    assert beyond(card(), card(), SPEC) == []


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"observed_over_expected": 1.2, "interval": [1.15, 1.25]}, "Observed over"),
        ({"calibration_slope": 0.7, "slope_interval": [0.66, 0.74]}, "The slope is"),
        ({"auroc": 0.70, "auroc_interval": [0.69, 0.71]}, "It ranks less well"),
    ],
)
def test_what_passes_a_limit_is_said(told, words) -> None:
    (said,) = beyond(card(**told), card(), SPEC)
    assert words in said


def test_few_people_alone_keep_no_version_waiting() -> None:
    few = card(
        observed_over_expected=1.2,
        interval=[0.9, 1.6],
        calibration_slope=0.6,
        slope_interval=[0.3, 0.9],
        auroc=0.7,
        auroc_interval=[0.6, 0.8],
    )
    assert beyond(few, card(), SPEC) == []


def test_a_group_of_which_it_is_wrong_is_named_if_enough_had_the_outcome() -> None:
    wrong = card()
    group = wrong["groups"]["imd_fifth"]["1"]
    group |= {"observed_over_expected": 1.6, "interval": [1.45, 1.75]}
    (said,) = beyond(wrong, card(), SPEC)
    assert "where imd_fifth is 1" in said
    fewer = copy.deepcopy(wrong)
    fewer["groups"]["imd_fifth"]["1"]["observed"] = 99
    assert beyond(fewer, card(), SPEC) == []


def test_pounds_are_held_to_what_they_explain() -> None:
    def pounds(**main) -> dict:
        told = card(**main)
        return {"beside": told["models"], "main": "it", "groups": told["groups"]}

    assert beyond(pounds(), pounds(), POUNDS) == []
    (said,) = beyond(pounds(variance_explained=0.1), pounds(), POUNDS)
    assert "It explains less well" in said
