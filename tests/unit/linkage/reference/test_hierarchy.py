"""Membership is written between two levels only where every practice agrees."""

from datetime import date

import polars as pl

from linkage.reference.hierarchy import member_links


def links(placed: list[tuple], chain: list[tuple], ends: dict | None = None):
    ends = ends or {}
    frame = pl.DataFrame(
        placed,
        schema=["code", "pcn_code", "neighbourhood_code", "place_code"],
        orient="row",
    )
    membership = frame.select("code", "pcn_code").with_columns(
        start_on=pl.lit(date(2019, 7, 1)),
        end_on=pl.col("code").replace_strict(ends, default=None, return_dtype=pl.Date),
    )
    upper = pl.DataFrame(
        chain,
        schema=["code", "sub_icb_code", "icb_code", "own_place_code"],
        orient="row",
    )
    found = member_links(membership, frame, upper)
    return set(found.select("child", "parent").iter_rows()), found


def test_agreement_gives_one_link_for_each_step() -> None:
    pairs, _ = links(
        [("A", "P", "N", "L"), ("B", "P", "N", "L")],
        [("A", "S", "I", None), ("B", "S", "I", None)],
    )
    steps = {("A", "P"), ("B", "P"), ("P", "N"), ("N", "L"), ("L", "S"), ("S", "I")}
    assert pairs == steps


def test_a_divided_network_leaves_its_practices_their_own_links() -> None:
    pairs, found = links(
        [("A", "P", "N1", "L"), ("B", "P", "N2", "L")],
        [("A", "S", "I", None), ("B", "S", "I", None)],
    )
    assert {("A", "N1"), ("B", "N2"), ("P", "L")} <= pairs
    assert ("P", "N1") not in pairs
    assert ("P", "N2") not in pairs
    # The practice's own link follows its membership of the network.
    assert found.filter(child="A", parent="N1")["start_on"][0] == date(2019, 7, 1)


def test_a_place_across_two_commissioners_hangs_on_the_icb() -> None:
    pairs, _ = links(
        [("A", "P", "N", "L"), ("B", "Q", "M", "L")],
        [("A", "S1", "I", None), ("B", "S2", "I", None)],
    )
    assert {("L", "I"), ("A", "S1"), ("B", "S2"), ("S1", "I"), ("S2", "I")} <= pairs
    assert ("L", "S1") not in pairs


def test_a_practice_that_left_its_network_keeps_place_and_commissioner() -> None:
    left = date(2022, 4, 1)
    pairs, found = links(
        [("A", "P", "N", "L"), ("B", "P", "N", "L")],
        [("A", "S", "I", "L"), ("B", "S", "I", "L")],
        ends={"A": left},
    )
    assert {("A", "S"), ("A", "L")} <= pairs
    assert found.filter(child="A", parent="L")["start_on"][0] == left
    assert ("B", "L") not in pairs
