"""Control charts against NHSRplotthedots, and what an icon says."""

import json
from pathlib import Path

import pytest

from dashboards.steps.spc_icons import Icon, spc_icons
from dashboards.steps.xmr import xmr

GOLDEN_ASSURANCE = {
    None: "",
    "inconsistent": "chance",
    "consistent_pass": "pass",
    "consistent_fail": "fail",
}


def test_golden_charts(sample_data: Path) -> None:
    """Every chart of the R package with one baseline: limits, and each point's mark."""
    path = sample_data.parent / "golden" / "xmr.json"
    if not path.exists():
        pytest.skip(f"no golden charts at {path}")
    compared = 0
    for case in json.loads(path.read_text(encoding="utf-8"))["cases"]:
        asked = case["options"]
        if asked["rebase"] or asked["fix_after_n_points"]:
            continue
        if not asked["screen_outliers"]:
            continue
        found = xmr(case["y"])
        assert found.mean == pytest.approx(case["mean"][0])
        assert found.lower == pytest.approx(case["lpl"][0])
        assert found.upper == pytest.approx(case["upl"][0])
        special = [kind != "common_cause" for kind in case["point_type"]]
        assert [bool(mark) for mark in found.marks] == special
        if asked["target"] is not None:
            way = {"increase": "higher", "decrease": "lower"}
            better = way.get(asked["improvement_direction"])
            met = found.assurance(asked["target"], better)
            assert met == GOLDEN_ASSURANCE[case["assurance"]]
        compared += 1
    assert compared == 35


def test_the_icon_is_of_the_newest_point_and_of_what_is_better() -> None:
    steady = [10.0, 11, 10, 9, 10, 11, 9, 10, 11, 10, 9, 10]
    assert xmr(steady).latest("lower") == "common"
    up = [*steady, 30.0]
    assert xmr(up).latest("lower") == "concern"
    assert xmr(up).latest("higher") == "improvement"
    assert xmr(up).latest(None) == "neither"
    assert xmr(up).why[-1] == "beyond the upper limit"


def test_few_points_say_little_and_one_says_nothing() -> None:
    assert xmr([1.0, 2.0]).says_little
    with pytest.raises(ValueError, match="two points"):
        xmr([1.0])


def test_a_series_that_never_moves_has_no_special_point() -> None:
    assert set(xmr([5.0] * 20).marks) == {""}


@pytest.mark.parametrize(
    ("target", "better", "met"),
    [
        (20, "lower", "pass"),
        (20, "higher", "fail"),
        (5, "lower", "fail"),
        (5, "higher", "pass"),
        (10, "lower", "chance"),
        (10, None, ""),
    ],
)
def test_a_target_is_met_where_the_limits_lie_on_its_good_side(target, better, met):
    steady = [10.0, 11, 10, 9, 10, 11, 9, 10, 11, 10, 9, 10]
    assert xmr(steady).assurance(target, better) == met


def test_icons_stand_where_there_are_twelve_points_and_say_what_they_mean():
    steady = [10.0, 11, 10, 9, 10, 11, 9, 10, 11, 10, 9, 10]
    few = spc_icons(xmr(steady[:11]), points=11, better="lower", target=20)
    assert (few.variation, few.assurance) == (None, None)
    assert few.words.endswith("11 of the 12 needed")
    icons = spc_icons(xmr(steady), points=12, better="lower", target=20, unit="%")
    assert icons.variation == Icon(
        "common", "", "Ordinary variation: nothing has changed"
    )
    assert icons.assurance == Icon("pass", "P", "Always meets its target, at most 20%")
    worse = spc_icons(xmr([*steady, 30.0]), points=13, better="lower")
    assert worse.variation == Icon(
        "concern", "H", "Changed for the worse (beyond the upper limit)"
    )
    assert worse.assurance is None
