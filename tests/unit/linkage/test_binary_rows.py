"""Rows as Postgres reads them in binary are the bytes that its documentation gives."""

import struct
from datetime import date

import polars as pl

from linkage.binary_rows import binary_rows

HEAD = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)


def test_the_bytes_are_those_of_the_documentation() -> None:
    frame = pl.DataFrame(
        {
            "person_no": [7, 8],
            "record_key": [-1, 2**40],
            "on_date": [date(2000, 1, 2), date(1999, 12, 31)],
            "kind": [3, None],
            "value": [1.5, None],
            "unit": ["kg/m²", None],
            "in_care_home": [True, False],
        },
        schema_overrides={
            "person_no": pl.Int32,
            "kind": pl.Int16,
            "value": pl.Float32,
        },
    )
    unit = "kg/m²".encode()
    first = struct.pack(">hiiiqii", 7, 4, 7, 8, -1, 4, 1)
    first += struct.pack(">ihifi", 2, 3, 4, 1.5, len(unit)) + unit
    first += struct.pack(">i?", 1, True)
    second = struct.pack(">hiiiqii", 7, 4, 8, 8, 2**40, 4, -1)
    second += struct.pack(">iiii?", -1, -1, -1, 1, False)
    assert b"".join(binary_rows(frame)) == HEAD + first + second + b"\xff\xff"


def test_a_frame_of_several_pieces_is_one_copy() -> None:
    one = pl.DataFrame({"n": [1]}, schema={"n": pl.Int32})
    whole = b"".join(binary_rows(pl.concat([one, one], rechunk=False)))
    row = struct.pack(">hii", 1, 4, 1)
    assert whole == HEAD + row + row + b"\xff\xff"
