"""Give rows their keys: of the row itself, of the patient as the source calls them,
and of the source record that the row is or speaks of."""

import polars as pl

from linkage.keys import row_keys
from linkage.specs import IDENTITY, STATEMENTS, FeedSpec, LocalId

SUBJECT_COLUMNS = {
    "subject_key": pl.Int64,
    "local_key": pl.Int64,
    "nhs_number": pl.String,
    "born_on": pl.Date,
    "sex": pl.String,
    "surname": pl.String,
    "forename": pl.String,
    "postcode": pl.String,
    "line1": pl.String,
    "ethnicity": pl.String,
    "died_on": pl.Date,
    "language": pl.String,
    "needs_interpreter": pl.Boolean,
    "in_care_home": pl.Boolean,
    "seen_on": pl.Date,
}


def identify(frame: pl.DataFrame, spec: FeedSpec) -> pl.DataFrame:
    """Add row_key, a local key for each local id, number_key where the feed has NHS
    numbers, home_key where it has whole addresses, and (unless the feed only refers to
    people) subject_key. All Int64.

    A subject is what one source said of somebody: the same local id with another
    address or ethnicity is another source record, and both keep their own links.
    """
    frame = frame.with_columns(
        row_keys(frame, list(spec.key), f"row {spec.number}").alias("row_key"),
        *(
            local_key(frame, local).alias(f"local_key_{n}")
            for n, local in enumerate(spec.local_ids)
        ),
    )
    if "nhs_number" in frame.columns:
        numbers = frame["nhs_number"]
        keys = row_keys(frame, ["nhs_number"], "nhs number")
        frame = frame.with_columns(
            keys.set(numbers.is_null(), None).alias("number_key")
        )
    for residence in spec.residences[:1]:
        if residence.line:
            keys = home_key(frame, residence.line, residence.postcode)
            frame = frame.with_columns(keys.alias("home_key"))
    if spec.tier == "reference":
        return frame
    told = [name for name in (*IDENTITY, *STATEMENTS) if name in frame.columns]
    if spec.token:
        told.append("token")
    local = list(spec.local_ids[0].of) if spec.local_ids else []
    keys = row_keys(frame, [*local, *told], f"subject {spec.number}")
    return frame.with_columns(keys.alias("subject_key"))


def local_key(frame: pl.DataFrame, local: LocalId) -> pl.Series:
    """The key of a local id; null where any part of it is missing."""
    keys = row_keys(frame, list(local.of), f"local {local.namespace}")
    whole = frame.select(pl.all_horizontal(pl.col(local.of).is_not_null())).to_series()
    return keys.set(~whole, None)


def home_key(frame: pl.DataFrame, line: str, postcode: str) -> pl.Series:
    """The key of an address, however it is spaced and punctuated; null without one."""
    plain = [
        pl.col(name).str.to_uppercase().str.replace_all("[^A-Z0-9]", "").alias(name)
        for name in (line, postcode)
    ]
    said = frame.select(plain)
    known = said.select(
        pl.all_horizontal(pl.all().fill_null("").str.len_bytes() > 0)
    ).to_series()
    return row_keys(said, [line, postcode], "home").set(~known, None)


def subjects(frame: pl.DataFrame, spec: FeedSpec, period_on: pl.Expr) -> pl.DataFrame:
    """The distinct source records of identified rows, in SUBJECT_COLUMNS.

    `seen_on` is the spec's `seen` column, else the period of the file; of several rows
    the last.
    """
    seen = pl.col(spec.seen) if spec.seen else period_on
    given = {*IDENTITY, *STATEMENTS} & set(frame.columns)
    local = pl.col("local_key_0") if spec.local_ids else pl.lit(None)
    chosen = frame.select(
        "subject_key",
        local.cast(pl.Int64).alias("local_key"),
        *(
            (pl.col(name) if name in given else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in SUBJECT_COLUMNS.items()
            if name not in {"subject_key", "local_key", "seen_on"}
        ),
        seen.cast(pl.Date).alias("seen_on"),
    )
    return (
        chosen.sort("seen_on", nulls_last=False, maintain_order=True)
        .unique("subject_key", keep="last", maintain_order=True)
        .select(list(SUBJECT_COLUMNS))
    )
