"""The parts of a release: one stage's columns for one shard, as compressed Parquet.

Every frame is keyed by `person_no` (Int32). Writing again replaces, so that a task
that is repeated after a crash leaves the same part.

A delta keeps its touched persons' rows as one piece (`touched.UNIT`). Read as a whole
its part is the full release's with those persons replaced, unless the delta wrote the
part for everybody, or has no such part: then it is the full release's as it is.
"""

import io
from collections.abc import Sequence

import polars as pl

from linkage.models import ReleasePart
from linkage.release import touched
from linkage.release.binary import in_binary

DATA = (
    "SELECT data FROM release_part WHERE release_id = %s AND part = %s AND shard = %s"
)


def write(release_id: int, shard: int, part: str, frame: pl.DataFrame) -> None:
    """Keep a frame of one row per `person_no` as one part of one shard.

    ValueError where persons are missing, repeated or not Int32: later stages join on
    them and would multiply rows in silence.
    """
    if frame.schema.get("person_no") != pl.Int32:
        raise ValueError(f"{part}: person_no must be an Int32 column")
    if frame["person_no"].null_count() or frame["person_no"].is_duplicated().any():
        raise ValueError(f"{part}: one row per person_no, and none without")
    buffer = io.BytesIO()
    frame.sort("person_no").write_parquet(buffer, compression="zstd")
    ReleasePart.objects.update_or_create(
        release_id=release_id,
        shard=shard,
        part=part,
        defaults={"rows": frame.height, "data": buffer.getvalue()},
    )


def write_all(release_id: int, part: str, frame: pl.DataFrame, like: str) -> None:
    """Keep a frame of everybody in a release as a part, cut as the part `like` is.

    A delta keeps it in one piece, and its touched persons' rows once more.
    """
    if touched.beneath(release_id) is not None:
        write(release_id, 0, part, frame)
    for shard in _pieces(release_id, like):
        mine = read(release_id, shard, like, [])
        rows = mine.join(frame, on="person_no", maintain_order="left")
        write(release_id, shard, part, rows)


def read(
    release_id: int, shard: int, part: str, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return one piece of a part, sorted by `person_no`; LookupError if absent.

    `columns` reads only those (and `person_no`), which spares the decompression.
    """
    return _frame(_piece(release_id, shard, part), columns)


def read_all(
    release_id: int, part: str, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return a part of every shard in one frame, sorted by `person_no`.

    LookupError where no shard has it. Ask for the columns needed: all of them for a
    million people are a gigabyte.
    """
    under = touched.beneath(release_id)
    own = _pieces(release_id, part)
    if under is None or own[-1:] > [touched.UNIT]:
        frames = _frames(release_id, part, columns)
    elif not own:
        frames = _frames(under.release_id, part, columns)
    else:
        gone = under.person_nos.implode()
        frames = [
            frame.filter(~pl.col("person_no").is_in(gone))
            for frame in _frames(under.release_id, part, columns)
        ]
        frames.append(read(release_id, touched.UNIT, part, columns))
    if not frames:
        raise LookupError(f"release {release_id} has no part {part!r}")
    return pl.concat(frames).sort("person_no")


def columns_of(release_id: int, part: str) -> list[str]:
    """Return the columns of a part; none where no unit has written it."""
    found = _pieces(release_id, part)
    if not found:
        return []
    piece = _piece(release_id, found[0], part)
    return list(pl.read_parquet_schema(io.BytesIO(piece)))


def written(release_id: int, part: str) -> list[int]:
    """Return the units that have written a part of this very release."""
    return _pieces(release_id, part)


def shards(release_id: int, part: str) -> list[int]:
    """Return the shards that have a part; a delta's are those that it stands on."""
    under = touched.beneath(release_id)
    found = _pieces(under.release_id if under else release_id, part)
    return [shard for shard in found if shard != touched.UNIT]


def _pieces(release_id: int, part: str) -> list[int]:
    rows = ReleasePart.objects.filter(release_id=release_id, part=part)
    return list(rows.order_by("shard").values_list("shard", flat=True))


def _piece(release_id: int, shard: int, part: str) -> bytes:
    for (found,) in in_binary(DATA, [release_id, part, shard]):
        return bytes(found)
    raise LookupError(f"release {release_id} has no part {part!r} of shard {shard}")


def _frames(
    release_id: int, part: str, columns: Sequence[str] | None
) -> list[pl.DataFrame]:
    """The pieces of whole shards, one at a time out of the database."""
    return [
        _frame(_piece(release_id, shard, part), columns)
        for shard in _pieces(release_id, part)
        if shard != touched.UNIT
    ]


def _frame(data: bytes, columns: Sequence[str] | None) -> pl.DataFrame:
    wanted = None
    if columns is not None:
        wanted = ["person_no", *(c for c in columns if c != "person_no")]
    return pl.read_parquet(io.BytesIO(data), columns=wanted)
