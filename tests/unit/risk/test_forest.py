"""Trees asked of many at once say exactly what LightGBM says of each."""

import numpy as np
import pytest

from risk.steps.boosting import boosting
from risk.steps.forest import BLOCK, forest

RANDOM = np.random.default_rng(21)
ROWS = BLOCK + 700


def inputs() -> np.ndarray:
    """Numbers, counts, flags and ages, with unknowns in the first two."""
    made = np.column_stack(
        [
            RANDOM.normal(size=ROWS),
            RANDOM.poisson(3, ROWS),
            RANDOM.random(ROWS) < 0.2,
            RANDOM.integers(-20, 80, ROWS) + 0.5,
        ]
    ).astype(np.float32)
    made[RANDOM.random(ROWS) < 0.3, 0] = np.nan
    made[RANDOM.random(ROWS) < 0.1, 1] = np.nan
    return made


def grown(people: np.ndarray, by_category: tuple[int, ...] = (), **settings: object):
    known = np.nan_to_num(people)
    odds = known[:, 0] + 0.4 * known[:, 1] - 0.05 * known[:, 3] - np.isnan(people[:, 0])
    happened = RANDOM.random(ROWS) < 1 / (1 + np.exp(-odds))
    lightgbm = boosting()
    given = {"objective": "binary", "verbose": -1, "num_leaves": 15, "num_threads": 1}
    seen = lightgbm.Dataset(people, happened, categorical_feature=list(by_category))
    return lightgbm.train(given | settings, seen, num_boost_round=40)


def test_every_sum_is_that_of_lightgbm_to_the_last_bit() -> None:
    people = inputs()
    trees = grown(people)
    found = forest(trees.model_to_string())
    # Values on and beside every threshold, and unknown where none was seen.
    others = inputs()
    others[:300, 2:] = np.nan
    for each in found.questions:
        others[RANDOM.integers(300, ROWS, 4), each.place] = [
            each.above,
            np.nextafter(each.above, np.float32(np.inf)),
            np.nextafter(each.above, np.float32(-np.inf)),
            0,
        ]
    for frame in (people, others, others[:1], others[:0]):
        np.testing.assert_array_equal(
            found.raw(frame),
            trees.predict(frame, raw_score=True) if len(frame) else [],
        )
    assert {each.unknown for each in found.questions} == {True, False}


def test_a_tree_that_found_nothing_to_ask_adds_its_only_leaf() -> None:
    people = inputs()
    trees = grown(people, min_data_in_leaf=ROWS)
    found = forest(trees.model_to_string())
    np.testing.assert_array_equal(
        found.raw(people), trees.predict(people, raw_score=True)
    )


@pytest.mark.parametrize(
    "settings",
    [{"num_leaves": 31}, {"by_category": (2,)}, {"zero_as_missing": True}],
)
def test_trees_of_another_kind_are_left_to_lightgbm(settings) -> None:
    assert forest(grown(inputs(), **settings).model_to_string()) is None
