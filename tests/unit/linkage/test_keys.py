"""Keys that must be the same next year, on another machine, in another batch."""

from datetime import date

import polars as pl

from linkage.keys import part_keys, row_keys

FRAME = pl.DataFrame(
    {
        "text": ["Z81001", "", None, "Ångström and a longer text", "Z81001"],
        "number": [1, 2, None, -4, 1],
        "day": [
            date(2026, 1, 1),
            None,
            date(1948, 7, 5),
            date(2026, 1, 2),
            date(2026, 1, 1),
        ],
    }
)


def test_a_key_never_changes() -> None:
    # Keys already in a store depend on these very numbers.
    keys = row_keys(FRAME, ["text", "number", "day"], "row 5")
    assert keys.to_list()[:2] == [-4154843367218994195, 1343669989952652497]


def test_the_same_values_have_the_same_key_and_others_do_not() -> None:
    keys = row_keys(FRAME, ["text", "number", "day"], "row 5").to_list()
    assert keys[0] == keys[4]
    assert len(set(keys)) == 4


def test_a_key_does_not_depend_on_its_neighbours() -> None:
    whole = row_keys(FRAME, ["text", "number"], "x")
    assert row_keys(FRAME[3:4], ["text", "number"], "x")[0] == whole[3]


def test_null_and_empty_differ() -> None:
    keys = row_keys(FRAME[1:3], ["text"], "x")
    assert keys[0] != keys[1]


def test_columns_keep_their_places() -> None:
    frame = pl.DataFrame({"a": ["x", "y"], "b": ["y", "x"]})
    keys = row_keys(frame, ["a", "b"], "x")
    assert keys[0] != keys[1]


def test_no_two_of_a_million_meet() -> None:
    n = 1_000_000
    frame = pl.DataFrame({"a": pl.int_range(n, eager=True).cast(pl.String)})
    assert row_keys(frame, ["a"], "x").n_unique() == n


def test_parts_of_a_row_have_keys_of_their_own() -> None:
    keys = row_keys(FRAME[:2], ["text"], "x")
    first, second = part_keys(keys, "diagnosis_01"), part_keys(keys, "diagnosis_02")
    assert len({*first, *second, *keys}) == 6
    assert part_keys(keys, "diagnosis_01").to_list() == first.to_list()


def test_a_frame_without_rows_has_no_keys() -> None:
    assert row_keys(FRAME.head(0), ["text", "day"], "x").len() == 0
