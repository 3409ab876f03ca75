"""The parts of a release: one stage's columns for one shard, as compressed Parquet.

Every frame is keyed by `person_no` (Int32). Writing again replaces, so that a task
that is repeated after a crash leaves the same part.
"""

import io
from collections.abc import Sequence

import polars as pl

from linkage.models import ReleasePart


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


def read(
    release_id: int, shard: int, part: str, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return one part of one shard, sorted by `person_no`; LookupError if absent.

    `columns` reads only those (and `person_no`), which spares the decompression.
    """
    found = (
        ReleasePart.objects.filter(release_id=release_id, shard=shard, part=part)
        .values_list("data", flat=True)
        .first()
    )
    if found is None:
        raise LookupError(f"release {release_id} has no part {part!r} of shard {shard}")
    return _frame(found, columns)


def read_all(
    release_id: int, part: str, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return a part of every shard in one frame, sorted by `person_no`.

    LookupError where no shard has it. Ask for the columns needed: all of them for a
    million people are a gigabyte.
    """
    rows = ReleasePart.objects.filter(release_id=release_id, part=part)
    frames = [
        _frame(data, columns)
        for data in rows.order_by("shard").values_list("data", flat=True).iterator(1)
    ]
    if not frames:
        raise LookupError(f"release {release_id} has no part {part!r}")
    return pl.concat(frames).sort("person_no")


def shards(release_id: int, part: str) -> list[int]:
    """Return the shards that have written a part."""
    rows = ReleasePart.objects.filter(release_id=release_id, part=part)
    return list(rows.order_by("shard").values_list("shard", flat=True))


def _frame(data: bytes | memoryview, columns: Sequence[str] | None) -> pl.DataFrame:
    wanted = None
    if columns is not None:
        wanted = ["person_no", *(c for c in columns if c != "person_no")]
    return pl.read_parquet(io.BytesIO(bytes(data)), columns=wanted)
