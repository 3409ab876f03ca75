"""Every feed's definition, met by a few rows in its own layout.

A new feed is one YAML and one sample (`tests/data/feeds/<feed>.*`); these tests find
both by themselves.
"""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from linkage.definitions import FEEDS, best_known, prices
from linkage.landing import is_of
from linkage.specs import IDENTITY, FeedSpec
from linkage.steps.identify import identify, subjects
from linkage.steps.pseudonymise import TABLES, pseudonymise
from linkage.steps.quality import judged, quality
from linkage.steps.read import read
from linkage.steps.validate import validate
from tests.conftest import ROOT

SAMPLES = ROOT / "tests" / "data" / "feeds"
RECEIVED_ON = date(2026, 9, 30)
UNIT_COSTS = prices().listed
AREAS = pl.DataFrame({"postcode": ["ZX1 4LH"], "lsoa_code": ["E01900001"]})
PARTS = {
    "registration": "registrations",
    "residence": "residences",
    "event": "events",
    "activity": "activities",
}
# Not to be found in any fact, under whatever name.
HIDDEN = {*IDENTITY, "local_patient_id", "client_id", "patient_id", "token"}


def sample(feed: str, folder: Path) -> pl.DataFrame:
    """The sample's rows as the reader gives them; Parquet is made from the CSV."""
    path = next(SAMPLES.glob(f"{feed}.*"))
    if FEEDS[feed].reader == "parquet":
        path = folder / f"{feed}.parquet"
        pl.read_csv(SAMPLES / f"{feed}.csv", infer_schema=False).write_parquet(path)
    return pl.concat(read(path, FEEDS[feed]))


def facts(feed: str, frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    spec = FEEDS[feed]
    rows = validate(frame, spec, RECEIVED_ON).accepted
    if spec.token:
        rows = rows.with_columns(nhs_number=pl.lit("9990000018"))
    rows = identify(rows, spec).with_columns(person_no=pl.lit(1, dtype=pl.Int32))
    if spec.tier == "reference":
        rows = rows.with_columns(subject_key=pl.lit(1, dtype=pl.Int64))
    if spec.prepare:
        from linkage.feeds import social_care_cld

        rows = social_care_cld.prepare(rows, RECEIVED_ON)
    return pseudonymise(rows, spec, prices(), AREAS).tables


@pytest.mark.parametrize("feed", FEEDS)
def test_a_sample_in_the_layout_is_accepted_whole(feed: str, tmp_path: Path) -> None:
    frame = sample(feed, tmp_path)
    checked = validate(frame, FEEDS[feed], RECEIVED_ON)
    assert frame.height > 0
    assert checked.rejected.to_dicts() == []
    assert checked.blanked == {}


@pytest.mark.parametrize("feed", FEEDS)
def test_rows_become_the_facts_that_the_definition_names(
    feed: str, tmp_path: Path
) -> None:
    tables = facts(feed, sample(feed, tmp_path))
    named = {table for table, part in PARTS.items() if getattr(FEEDS[feed], part)}
    assert set(tables) == named
    for table, made in tables.items():
        assert made.columns == ["row_number", *TABLES[table]]
        assert not HIDDEN & set(made.columns)
        assert made["record_key"].is_unique().all()


@pytest.mark.parametrize("feed", FEEDS)
def test_no_fact_repeats_what_identifies(feed: str, tmp_path: Path) -> None:
    frame = sample(feed, tmp_path)
    hidden = {
        value
        for name in HIDDEN & set(frame.columns)
        for value in frame[name].cast(pl.String).drop_nulls()
        if len(value) > 2
    }
    for made in facts(feed, frame).values():
        for column in made.select(pl.col(pl.String)).iter_columns():
            assert not hidden & set(column.drop_nulls())


@pytest.mark.parametrize("feed", [f for f in FEEDS if FEEDS[f].tier != "vault_only"])
def test_the_same_rows_have_the_same_keys_in_any_order(
    feed: str, tmp_path: Path
) -> None:
    frame = sample(feed, tmp_path)
    keys = {
        table: set(made["record_key"]) for table, made in facts(feed, frame).items()
    }
    again = facts(feed, frame.reverse())
    assert {table: set(made["record_key"]) for table, made in again.items()} == keys


@pytest.mark.parametrize("feed", FEEDS)
def test_who_is_spoken_of_can_be_found(feed: str, tmp_path: Path) -> None:
    """Identity of its own, or a local id that another feed introduces."""
    spec = FEEDS[feed]
    if spec.tier == "reference":
        introduced = {
            local.namespace
            for other in FEEDS.values()
            if other.introduces
            for local in other.local_ids
        }
        assert spec.local_ids[0].namespace in introduced
    elif spec.tier != "vault_only":
        rows = validate(sample(feed, tmp_path), spec, RECEIVED_ON).accepted
        if spec.token:
            rows = rows.with_columns(nhs_number=pl.lit("9990000018"))
        met = subjects(identify(rows, spec), spec, pl.lit(RECEIVED_ON))
        assert met["nhs_number"].count() or met["local_key"].count()


@pytest.mark.parametrize("feed", FEEDS)
def test_a_feed_says_how_often_it_comes_and_who_answers_for_it(feed: str) -> None:
    spec = FEEDS[feed]
    assert {"cadence", "controller", "layout"} <= spec.model_fields_set
    assert spec.controller
    assert spec.files or spec.reader == "fhir_r4"


@pytest.mark.parametrize("feed", FEEDS)
def test_the_quality_of_a_sample_is_counted(feed: str, tmp_path: Path) -> None:
    frame, spec = sample(feed, tmp_path), FEEDS[feed]
    checked = validate(frame, spec, RECEIVED_ON)
    found = quality(frame, checked, checked.rejected, spec)
    rows = found.filter(field="")
    assert rows["rows"].sum() == rows["valid"].sum() == frame.height
    assert set(found["field"]) == {"", *judged(spec)}
    assert (found["valid"] <= found["filled"]).all()


def test_feeds_have_numbers_of_their_own() -> None:
    numbers = [spec.number for spec in FEEDS.values()]
    assert len(numbers) == len(set(numbers))


def test_a_feed_that_introduces_people_comes_before_those_that_refer_to_them() -> None:
    for spec in FEEDS.values():
        if spec.tier == "reference":
            namespace = spec.local_ids[0].namespace
            first = min(
                other.order
                for other in FEEDS.values()
                if other.introduces and namespace in _namespaces(other)
            )
            assert first < spec.order


def _namespaces(spec: FeedSpec) -> set[str]:
    return {local.namespace for local in spec.local_ids}


@pytest.mark.parametrize("feed", [f for f in FEEDS if FEEDS[f].files])
def test_a_file_is_of_one_feed_only(feed: str) -> None:
    for pattern in FEEDS[feed].files:
        path = Path(pattern.replace("*", "RZ1_202526"))
        assert [name for name in FEEDS if is_of(name, path)] == [feed]


def test_best_known_speaks_of_feeds_that_there_are() -> None:
    spec = best_known()
    for name, rule in spec.attributes.items():
        assert set(rule.order) <= set(FEEDS), name


def test_every_unit_cost_says_where_it_comes_from() -> None:
    assert UNIT_COSTS["source"].null_count() == 0
    assert UNIT_COSTS.select("setting", "kind", "detail").is_unique().all()
    assert set(UNIT_COSTS["per"]) <= {"activity", "day"}


def test_every_unit_cost_is_of_a_year_whose_prices_are_known() -> None:
    spec = prices().spec
    assert {int(year[:4]) for year in UNIT_COSTS["year"]} <= set(spec.index)
    assert sorted(spec.index) == list(range(min(spec.index), max(spec.index) + 1))
    # Each year's cost is given in the prices of one year (an estimate without pence).
    assert prices().words == "2023/24 prices"
    assert (prices().unit_costs["gbp"] % 1 == 0).all()
