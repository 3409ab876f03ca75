"""What linkage keeps true whatever comes: numbers, order, repetition, days."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.peers.index_in_memory import IndexInMemory
from linkage.steps.linking.batch import link_all
from linkage.steps.linking.measure import measure
from linkage.steps.linking.model import model_in_use
from tests.linking_people import A, B, C, crowd, frame, partition, said

record = st.builds(
    said,
    nhs_number=st.sampled_from([A, B, C, None, None]),
    forename=st.sampled_from(["Ada", "Ida", "Adah", "Baby", None]),
    surname=st.sampled_from(["Moss", "Hart", "Moss-Hart", None]),
    born_on=st.sampled_from(["1950-03-07", "1950-07-03", "1988-10-21", None]),
    sex=st.sampled_from(["1", "2", None]),
    postcode=st.sampled_from(["ZZ1 1AA", "ZZ2 2BB", None]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(record, max_size=10))
def test_no_cluster_ever_holds_two_valid_numbers(records) -> None:
    told = frame(records)
    links = link_all(told, model_in_use("names"), engine="frames").links
    numbers = links.join(told, on="record_id").group_by("cluster_id")
    counted = numbers.agg(pl.col("nhs_number").drop_nulls().n_unique())
    assert counted.filter(pl.col("nhs_number") > 1).is_empty()


@settings(max_examples=60, deadline=None)
@given(st.lists(record, max_size=10), st.integers(1, 9))
def test_days_join_no_two_valid_numbers_either(records, cut) -> None:
    index = IndexInMemory()
    for day in (records[:cut], records[cut:]):
        told = for_index(frame(day))
        index.add(told, index.link(told))
    held = index.identities.drop_nulls("nhs_number").select("person_no", "nhs_number")
    assert held.unique().height == held["person_no"].n_unique()
    stated = frame(records).join(
        index.links.rename({"subject_key": "record_id"}), on="record_id"
    )
    counted = stated.group_by("person_no").agg(
        pl.col("nhs_number").drop_nulls().n_unique()
    )
    assert counted.filter(pl.col("nhs_number") > 1).is_empty()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_records_does_not_change_clusters(seed) -> None:
    records, _ = crowd(200, seed)
    model = model_in_use("names")
    straight = link_all(records, model, engine="frames").links
    shuffled = records.sample(fraction=1.0, shuffle=True, seed=seed)
    turned = link_all(shuffled, model, engine="frames").links
    assert partition(straight) == partition(turned)


@pytest.mark.parametrize("seed", [4, 5])
def test_days_in_any_order_come_to_nearly_the_same_people(seed) -> None:
    records, truth = crowd(200, seed)
    whole = link_all(records, model_in_use("names"), engine="frames").links
    expected = measure(whole.select("record_id", "cluster_id"), truth, records).f1
    told = for_index(records.sample(fraction=1.0, shuffle=True, seed=seed))
    for days in ([0, 1, 2, 3], [3, 1, 0, 2]):
        index = IndexInMemory()
        for day in days:
            part = told[day * told.height // 4 : (day + 1) * told.height // 4]
            index.add(part, index.link(part))
        links = index.links.select(record_id="subject_key", cluster_id="person_no")
        assert measure(links, truth, records).f1 == pytest.approx(expected, abs=0.005)


def test_a_day_that_comes_again_changes_nothing() -> None:
    records, _ = crowd(100, 6)
    told = for_index(records)
    index = IndexInMemory()
    first = index.link(told)
    index.add(told, first)
    again = index.link(told)
    assert again.created.is_empty()
    assert again.merges.is_empty()
    both = first.decisions.join(again.decisions, on="subject_key", suffix="_again")
    moved = both.filter(pl.col("person_no") != pl.col("person_no_again"))
    # A record whose number is in doubt is in doubt again, and founds nobody anew.
    assert moved.is_empty()


def test_a_bridge_between_two_people_of_the_index_joins_them() -> None:
    """Maiden name at the old home, married name at the new; then both at once."""
    index = IndexInMemory()
    days = [
        [said(surname="Moss", postcode="ZZ1 1AA", forename="Ada")],
        [said(surname="Hart", postcode="ZZ2 2BB", forename="Ada")],
        [said(surname="Moss-Hart", postcode="ZZ2 2BB", forename="Ada", nhs_number=A)],
    ]
    merges = 0
    for day in days:
        told = for_index(frame(day))
        linked = index.link(told)
        merges += linked.merges.height
        index.add(told, linked)
    assert index.links["person_no"].n_unique() == 1
    assert merges == 1


def for_index(records: pl.DataFrame) -> pl.DataFrame:
    """Records as the road gives them to `link`: typed, with a subject key."""
    return records.with_columns(
        pl.col("born_on").str.to_date(),
        pl.col("sex").replace({"1": "M", "2": "F"}),
        subject_key="record_id",
    ).with_columns(
        pl.when(pl.col("born_on") > date(1901, 1, 1)).then("born_on").alias("born_on")
    )
