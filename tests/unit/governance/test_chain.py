"""The chain of digests, and what is said of one that somebody changed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from governance.chain import (
    START,
    Check,
    Head,
    Row,
    check_anchors,
    check_end,
    digest_of,
    line_of,
)

NINE = datetime(2026, 11, 23, 9, 0, 0, 123_456, tzinfo=UTC)


def chain(length: int, shard: int = 3) -> list[Row]:
    rows, before = [], START
    for seq in range(1, length + 1):
        row = Row(
            shard,
            seq,
            NINE + timedelta(seconds=seq),
            f"event {seq}",
            7,
            "ig_lead",
            "assurance",
            "QZZ",
            "a page",
            seq,
            "allowed",
            "{}",
            b"",
        )
        before = digest_of(before, row)
        rows.append(replace(row, digest=before))
    return rows


def told(rows: list[Row]) -> list[str]:
    check = Check(3)
    for row in rows:
        check.take(row)
    return [str(fault) for fault in check.faults()]


def test_a_line_has_one_meaning():
    row = chain(1)[0]
    assert line_of(row) == (
        b"3|1|1795424401123456|7|1|7:event 1|7:ig_lead|9:assurance|3:QZZ|6:a page"
        b"|7:allowed|{}"
    )
    shifted = replace(row, event="event 1|7:ig_lead", role="")
    assert line_of(shifted) != line_of(row)
    assert b"|-|" in line_of(replace(row, user_id=None))


def test_a_whole_chain_has_no_fault():
    assert told(chain(50)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"at": NINE},
        {"event": "x"},
        {"user_id": None},
        {"role": "x"},
        {"purpose": "x"},
        {"org_code": "x"},
        {"subject": "x"},
        {"persons": 0},
        {"outcome": "x"},
        {"detail": '{"a": 1}'},
    ],
    ids=str,
)
def test_an_altered_row_is_named(change):
    rows = chain(20)
    rows[6] = replace(rows[6], **change)
    [fault] = told(rows)
    assert fault.startswith("chain 3, row 7: altered")


def test_a_row_written_anew_with_its_digest_shows_in_the_next():
    rows = chain(20)
    forged = replace(rows[6], persons=0)
    rows[6] = replace(forged, digest=digest_of(rows[5].digest, forged))
    [fault] = told(rows)
    assert fault.startswith("chain 3, row 8: altered, or row 7 before it")


def test_removed_rows_are_counted():
    rows = chain(20)
    assert told(rows[:4] + rows[6:9] + rows[10:]) == [
        "chain 3, rows 5 to 6: removed",
        "chain 3, row 10: removed",
    ]
    assert told(rows[2:]) == ["chain 3, rows 1 to 2: removed"]


@pytest.mark.parametrize("other", [8, 15])
def test_rows_that_changed_places_are_named_with_where_they_stood(other):
    rows = chain(20)
    one, two = rows[6], rows[other - 1]
    rows[6] = replace(two, seq=7)
    rows[other - 1] = replace(one, seq=other)
    assert told(rows) == [
        f"chain 3, row 7: moved: it was written as row {other}",
        f"chain 3, row {other}: moved: it was written as row 7",
    ]


def test_an_end_that_is_cut_off_shows_against_its_head():
    rows = chain(20)
    head = Head(3, 20, rows[-1].digest, 20)
    assert list(check_end(head, 20, rows[-1].digest)) == []
    [cut] = check_end(head, 17, rows[16].digest)
    assert str(cut) == "chain 3, rows 18 to 20: cut off at the end"
    [forged] = check_end(head, 20, b"x")
    assert "not the row that was last written" in str(forged)
    [added] = check_end(replace(head, last_seq=22), 20, rows[-1].digest)
    assert str(added) == "chain 3, rows 21 to 22: added past the end"


def test_a_chain_written_anew_or_gone_shows_against_its_anchors():
    rows = chain(20)
    wanted = {(3, 10): rows[9].digest, (3, 15): b"another", (4, 2): b"gone"}
    found = {(3, row.seq): row.digest for row in rows if row.seq != 12}
    assert [str(f) for f in check_anchors(wanted | {(3, 12): b"x"}, found, [3])] == [
        "chain 3, row 12: missing, and was anchored",
        "chain 3, row 15: written anew since it was anchored",
        "chain 4, rows 1 to 2: the whole chain is missing, and was anchored",
    ]


def test_a_check_may_begin_in_the_middle():
    rows = chain(20)
    known = Check(3, 11, rows[9].digest)
    believed = Check(3, 11, None)
    for row in rows[10:]:
        known.take(row)
        believed.take(row)
    assert [*known.faults(), *believed.faults()] == []
    assert known.checked == 10
