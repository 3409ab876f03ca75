"""What counts as the outcome, and that nothing after the index date is an input."""

from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from linkage.feature_definitions import FEATURES, codelists
from linkage.steps.derive import derive
from risk.definitions import MODELS
from risk.steps.gather import gather
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
        return gather(
            features,
            deaths.select("person_no", "died_on"),
            activity,
            SPEC,
            index_on=INDEX,
            most=10,
        )

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
