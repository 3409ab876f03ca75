"""Scores that others reckon: as delivered, in range, of the right age, or absent."""

from datetime import timedelta

import polars as pl
import pytest
from pydantic import ValidationError

from dashboards.selectors.lanes import LANES
from linkage.definitions import FEEDS
from linkage.vocabulary import EVENT_KINDS, SYSTEMS
from risk.actions.scores import senders
from risk.definitions import score_tables
from risk.score_specs import ImportedMethod
from risk.selectors import imported_codes, imported_scores
from risk.steps.score import score
from tests.unit.risk.score_people import AS_OF, EVENT, admitted, features

NUMBERS = {name: spec.number for name, spec in FEEDS.items()}


def scored(*rows: tuple[str, int, float], age: int = 70, system: str = "local") -> dict:
    """Score one person with these values: code, days before AS_OF, value."""
    made = [
        (
            1,
            AS_OF - timedelta(days=days),
            EVENT_KINDS["observation"],
            SYSTEMS[system],
            code,
            value,
            NUMBERS["imported_score"],
        )
        for code, days, value in rows
    ]
    found = score(
        features({1: age}),
        pl.DataFrame(made, schema=EVENT, orient="row"),
        admitted([]),
        tables=score_tables(),
        feeds=NUMBERS,
        as_of=AS_OF,
    )
    return found.row(0, named=True)


@pytest.mark.parametrize(
    ("code", "attribute", "value", "beyond"),
    [
        ("imported_efi2", "efi2", 12.5, 101.0),
        ("imported_qadmissions", "qadmissions", 31.2, -0.1),
        ("imported_qrisk3", "qrisk", 18.9, 100.5),
        ("imported_acg", "acg_band", 0.0, 6.0),
    ],
)
def test_a_score_reckoned_elsewhere_is_read_and_never_made_up(
    code, attribute, value, beyond
) -> None:
    found = scored((code, 30, value))
    # Values are kept in four bytes.
    assert found[attribute] == pytest.approx(value, rel=1e-6)
    assert found[f"{attribute}_on"] == AS_OF - timedelta(days=30)
    assert found[f"{attribute}_source"] == "imported_score"
    # What nobody sent, what is out of its range and what is old is absent, never 0.
    for rows in ((), ((code, 30, beyond),), ((code, 4000, value),)):
        assert scored(*rows)[attribute] is None
        assert scored(*rows)[f"{attribute}_on"] is None
        assert scored(*rows)[f"{attribute}_source"] is None
    # The same word in another code system is another code.
    assert scored((code, 30, value), system="snomed")[attribute] is None


def test_the_latest_valid_value_counts() -> None:
    rows = [("imported_efi2", days, value) for days, value in ((90, 8.0), (20, 11.0))]
    assert scored(*rows)["efi2"] == 11
    assert scored(*rows, ("imported_efi2", 5, 140.0))["efi2"] == 11


def test_nobody_outside_the_ages_it_was_made_for_has_a_score() -> None:
    assert scored(("imported_efi2", 30, 12.5), age=64)["efi2"] is None
    assert scored(("imported_acg", 30, 3.0), age=4)["acg_band"] == 3


def test_every_imported_score_can_come_by_the_feed_of_imported_scores() -> None:
    brought = FEEDS["imported_score"].columns["score"].values
    assert sorted(brought.values()) == sorted(imported_codes())
    for spec, method in imported_scores():
        assert "imported_score" in senders(method)
        assert len(spec.licence.split()) >= 7
        assert set(method.lanes) <= {*LANES, "medicine"}


def test_a_range_that_holds_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="lowest"):
        ImportedMethod(kind="imported", local_codes={}, within_days=365, low=5, high=5)
