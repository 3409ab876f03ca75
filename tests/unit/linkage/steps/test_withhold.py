"""Restricted codes: taken out before anything else, counted by category alone."""

import polars as pl
import pytest

from linkage.definitions import FEEDS, restricted_codes
from linkage.specs import FeedSpec
from linkage.steps.withhold import withhold


def frame(feed: str, *rows: dict[str, str]) -> tuple[pl.DataFrame, FeedSpec]:
    spec = FEEDS[feed]
    made = pl.DataFrame(
        [dict.fromkeys(spec.expanded) | row for row in rows],
        schema=dict.fromkeys(spec.expanded, pl.String),
    ).with_row_index("row_number", offset=1)
    return made.cast({"row_number": pl.Int64}), spec


def test_a_row_that_is_one_restricted_code_is_left_out_whole() -> None:
    given = frame("gp_observation", {"concept": "57797005"}, {"concept": "44054006"})
    found = withhold(*given, restricted_codes())
    assert found.frame["row_number"].to_list() == [2]
    assert found.rows == 1
    assert dict(found.categories) == {"termination of pregnancy": 1}


@pytest.mark.parametrize("code", ["O04.9", "o049", " O049 ", "O04"])
def test_a_restricted_code_among_many_becomes_empty(code: str) -> None:
    given = frame("sus_apc", {"diagnosis_01": "J449", "diagnosis_02": code})
    found = withhold(*given, restricted_codes())
    assert found.rows == 0
    assert found.frame["diagnosis_01"].to_list() == ["J449"]
    assert found.frame["diagnosis_02"].to_list() == [None]
    assert dict(found.categories) == {"termination of pregnancy": 1}


def test_what_only_looks_like_a_stem_stays() -> None:
    given = frame("sus_apc", {"diagnosis_01": "Z315", "diagnosis_02": "O030"})
    found = withhold(*given, restricted_codes())
    assert not found.categories
    assert found.frame.equals(given[0])


def test_every_restricted_code_names_its_law() -> None:
    codes = restricted_codes()
    assert codes.null_count().row(0) == (0, 0, 0, 0, 0)
    assert codes.select("system", "code").is_unique().all()
    assert set(codes["system"]) <= {"snomed", "icd10", "opcs4"}
