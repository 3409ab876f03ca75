"""Rows as facts: what is kept of them, under which key, at what cost."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from linkage.definitions import FEEDS, prices
from linkage.feeds.social_care_cld import prepare
from linkage.steps.identify import identify
from linkage.steps.pseudonymise import possible, pseudonymise
from linkage.vocabulary import ACTIVITY_KINDS, SETTINGS, URGENCIES

NO_AREAS = pl.DataFrame({"postcode": [], "lsoa_code": []}, schema_overrides={})
DAY = date(2026, 1, 2)


def linked(feed: str, *rows: dict[str, Any]) -> pl.DataFrame:
    """Typed and linked rows of a feed; what a row does not state is null."""
    spec = FEEDS[feed]
    types = {"date": pl.Date, "integer": pl.Int64, "number": pl.Float64}
    types |= {"presence": pl.Boolean, "flag": pl.Boolean}
    schema = {"row_number": pl.Int64} | {
        name: types.get(column.type, pl.String)
        for name, column in spec.expanded.items()
    }
    made = [{"row_number": n} | row for n, row in enumerate(rows, start=1)]
    frame = identify(pl.DataFrame(made, schema=schema), spec)
    return frame.with_columns(
        person_no=pl.lit(7, dtype=pl.Int32), subject_key=pl.lit(70, dtype=pl.Int64)
    )


def facts(feed: str, *rows: dict[str, Any], areas: pl.DataFrame = NO_AREAS) -> Any:
    areas = areas.cast(pl.String)
    return pseudonymise(linked(feed, *rows), FEEDS[feed], prices(), areas)


def episode(key: str, **given: Any) -> dict[str, Any]:
    usual = {"episode_key": key, "spell_id": "S1", "provider": "RZ1"}
    usual |= {"admitted_on": DAY, "episode_start": DAY, "episode_order": 1}
    usual |= {"admission_method": "emergency", "diagnosis_01": "J449"}
    return usual | {"recorded_on": date(2026, 1, 20)} | given


def test_an_event_carries_code_dates_value_and_source() -> None:
    row = {"organisation": "Z1", "observation_id": "o", "concept": "44054006"}
    row |= {"observed_on": DAY, "recorded_on": date(2026, 1, 5), "value": 7.5}
    (event,) = (
        facts("gp_observation", row | {"unit": "mmol/L"}).tables["event"].to_dicts()
    )
    del event["record_key"]
    assert event == {
        "row_number": 1,
        "person_no": 7,
        "subject_key": 70,
        "on_date": DAY,
        "recorded_on": date(2026, 1, 5),
        "kind": 1,
        "system": 1,
        "code": "44054006",
        "value": 7.5,
        "unit": "mmol/L",
        "feed_no": 5,
    }


def test_each_numbered_diagnosis_is_an_event_under_a_key_of_its_own() -> None:
    row = episode("1", diagnosis_02="I10X", diagnosis_20="E119")
    events = facts("sus_apc", row).tables["event"]
    assert events["code"].to_list() == ["J449", "I10X", "E119"]
    assert events["record_key"].n_unique() == 3
    alone = facts("sus_apc", episode("1", diagnosis_20="E119")).tables["event"]
    assert alone["record_key"][1] == events["record_key"][2]


def test_a_spell_is_made_of_its_first_episode_whatever_their_order() -> None:
    first = episode("1", diagnosis_01="J449")
    later = episode("2", diagnosis_01="I500", episode_order=2)
    for rows in ((first, later), (later, first)):
        (spell,) = facts("sus_apc", *rows).tables["activity"].to_dicts()
        assert spell["reason_code"] == "J449"
        assert spell["urgency"] == URGENCIES["emergency"]
        assert spell["kind"] == ACTIVITY_KINDS["spell"]


def test_two_spells_of_one_day_are_two() -> None:
    rows = [episode("1"), episode("2", spell_id="S2")]
    assert facts("sus_apc", *rows).tables["activity"].height == 2


@pytest.mark.parametrize(
    ("given", "gbp"),
    [
        ({"admission_method": "elective", "patient_class": "2"}, 932),
        ({"admission_method": "elective", "patient_class": "1"}, 4654),
        ({"admission_method": "emergency", "patient_class": "1"}, 2009),
        ({"admission_method": None, "patient_class": None}, 2009),
    ],
)
def test_a_spell_costs_by_class_and_method(given, gbp) -> None:
    activity = facts("sus_apc", episode("1", **given)).tables["activity"]
    assert activity["cost_gbp"].to_list() == [gbp]


@pytest.mark.parametrize(
    ("seen_by", "status", "gbp"),
    [("GP", "Attended", 37), ("Other", "Attended", 11), ("GP", "DNA", None)],
)
def test_an_appointment_costs_by_who_was_seen_and_nothing_when_missed(
    seen_by, status, gbp
) -> None:
    row = {"organisation": "Z1", "slot_id": "s", "starts_on": DAY}
    activity = facts("gp_appointment", row | {"seen_by": seen_by, "status": status})
    (made,) = activity.tables["activity"].to_dicts()
    assert made["cost_gbp"] == gbp
    assert made["outcome"] == status
    assert made["setting"] == SETTINGS["gp"]


@pytest.mark.parametrize(
    ("ended", "gbp"), [(date(2026, 1, 12), 3950), (DAY, 395), (None, None)]
)
def test_a_ward_stay_costs_by_day_once_it_has_ended(ended, gbp) -> None:
    row = {"provider": "RZ3", "ward_stay_id": "w", "started_on": DAY}
    activity = facts("mhsds_ward_stay", row | {"ended_on": ended}).tables["activity"]
    assert activity["cost_gbp"].to_list() == [gbp]


def test_the_sources_own_price_comes_before_the_unit_cost() -> None:
    row = {"provider": "RZ1", "attendance_key": "a", "arrived_on": DAY}
    priced = facts("ecds", row | {"price_gbp": 330.0}).tables["activity"]
    # A pound of 2025/26 was worth 96.1117 / 103.2388 of one of 2023/24.
    assert priced["cost_gbp"].to_list() == [pytest.approx(307.2185)]
    unpriced = facts("ecds", row).tables["activity"]
    assert unpriced["cost_gbp"].to_list() == [187.0]


def test_a_service_costs_what_was_planned_for_as_long_as_it_ran() -> None:
    row = {"council": "990", "event_type": "Service", "started_on": DAY}
    rows = linked(
        "social_care_cld",
        row
        | {"event_reference": "1", "ended_on": date(2026, 1, 16)}
        | {"unit_cost_gbp": 20.0, "cost_unit": "Hourly", "units_per_week": 10.0},
        row | {"event_reference": "2", "unit_cost_gbp": 840.0, "cost_unit": "Weekly"},
        row | {"event_reference": "3", "unit_cost_gbp": 60.0, "cost_unit": "One-off"},
    )
    costs = prepare(rows, date(2026, 1, 9))["cost_gbp"].to_list()
    # The first ran past the day of the file, the second still runs: one week each.
    assert costs == [200.0, 840.0, 60.0]


def test_a_service_that_lasts_is_priced_on_the_day_of_its_file() -> None:
    row = {"council": "990", "event_type": "Service", "event_reference": "1"}
    row |= {"unit_cost_gbp": 7.0, "cost_unit": "Weekly", "started_on": DAY}
    row |= {"service_type": "Long Term Support: Community"}
    rows = prepare(linked("social_care_cld", row), date(2027, 1, 2))
    assert rows["priced_on"].to_list() == [date(2027, 1, 2)]


def test_a_registration_on_two_rows_is_one_fact_and_each_address_its_own() -> None:
    row = {"nhs_number": "9990000018", "practice_code": "Z1", "registered_on": DAY}
    rows = [
        row | {"postcode": "ZX1 1AA", "lived_from": DAY, "in_care_home": False},
        row
        | {"postcode": "ZX2 2BB", "lived_from": date(2026, 5, 1)}
        | {"in_care_home": True},
        row | {"postcode": "ZZ9 9ZZ", "lived_from": date(2026, 6, 1)},
    ]
    areas = pl.DataFrame(
        {"postcode": ["ZX1 1AA", "ZX2 2BB"], "lsoa_code": ["E1", "E2"]}
    )
    made = facts("registered_list", *rows, areas=areas)
    assert made.tables["registration"].height == 1
    residences = made.tables["residence"].select("lsoa_code", "in_care_home").rows()
    assert residences == [("E1", False), ("E2", True)]
    assert made.unplaced == 1


def test_every_fact_a_row_makes_is_among_those_it_could_have_made() -> None:
    rows = linked("sus_apc", episode("1", diagnosis_02="I10X", procedure_01="X521"))
    made = pseudonymise(rows, FEEDS["sus_apc"], prices(), NO_AREAS.cast(pl.String))
    could = possible(rows, FEEDS["sus_apc"])
    for table in ("event", "activity"):
        keys = set(could.filter(table=table)["record_key"])
        assert set(made.tables[table]["record_key"]) <= keys
    assert could.filter(table="event").height == 44


def test_no_rows_make_empty_tables() -> None:
    made = facts("sus_apc")
    assert {name: table.height for name, table in made.tables.items()} == {
        "event": 0,
        "activity": 0,
    }
