"""One value where sources disagree, by the written rule."""

from datetime import date
from typing import Any

import polars as pl

from linkage.best_known_specs import BestKnownSpec
from linkage.definitions import best_known as written_rule
from linkage.steps.best_known import best_known

RULE = BestKnownSpec.model_validate(
    {
        "title": "t",
        "owner": "o",
        "review_by": "2027-01-01",
        "source": "s",
        "attributes": {"ethnicity": {"order": ["gp", "trust"], "says_nothing": ["Z"]}},
    }
)


def chosen(*statements: tuple[Any, ...]) -> tuple[str | None, str | None]:
    frame = pl.DataFrame(
        [(1, n, *told) for n, told in enumerate(statements)],
        schema={
            "person_no": pl.Int32,
            "subject_key": pl.Int64,
            "feed": pl.String,
            "seen_on": pl.Date,
            "ethnicity": pl.String,
        },
        orient="row",
    )
    (row,) = best_known(frame, RULE).to_dicts()
    return row["ethnicity"], row["ethnicity_source"]


OLD, NEW = date(2020, 1, 1), date(2026, 1, 1)


def test_the_feed_named_first_is_believed_though_it_spoke_earlier() -> None:
    assert chosen(("gp", OLD, "H"), ("trust", NEW, "A")) == ("H", "gp")


def test_within_a_feed_the_latest_word_counts() -> None:
    assert chosen(("trust", NEW, "B"), ("trust", OLD, "A")) == ("B", "trust")
    assert chosen(("trust", None, "B"), ("trust", OLD, "A")) == ("A", "trust")


def test_not_stated_never_beats_a_stated_value() -> None:
    assert chosen(("gp", NEW, "Z"), ("other", OLD, "A")) == ("A", "other")


def test_feeds_not_named_come_last_and_by_date_among_themselves() -> None:
    told = [("csds", OLD, "C"), ("ecds", NEW, "D")]
    assert chosen(*told) == ("D", "ecds")
    assert chosen(*told, ("trust", OLD, "E")) == ("E", "trust")


def test_nothing_known_is_null() -> None:
    assert chosen(("gp", NEW, "Z"), ("trust", NEW, None)) == (None, None)


def test_the_written_rule_never_takes_not_stated_for_an_answer() -> None:
    assert "Z" in written_rule().attributes["ethnicity"].says_nothing
