"""Who a row is about, as the provider that wrote it knows the person."""

import numpy as np
import polars as pl

from synthetic.clinical_feeds.context import Context
from synthetic.identity import row_faults, source_records

UNKNOWN_PRACTICE = "V81999"
_COLUMNS = {
    "nhs_number": "nhs_number",
    "born_on": "born_on",
    "postcode": "postcode",
    "sex": "sex",
}


def identified(
    ctx: Context, frame: pl.DataFrame, source: str, rng: np.random.Generator
) -> pl.DataFrame:
    """Add what `source` holds of the person of each row, with slips of single rows.

    `frame` has row (of the chunk) and admitted (day number of the event). Adds person,
    source, local_id, person_id, nhs_number, born_on, sex, postcode, ethnicity (texts)
    and practice_code; and tells `Lives` who was seen where and when.
    """
    row = frame["row"].to_numpy()
    person = ctx.person(row)
    known = source_records(ctx.people, source, np.unique(person)).select(
        "person",
        "local_id",
        "person_id",
        "nhs_number",
        pl.col("born_on").cast(pl.String),
        "sex",
        "postcode",
        "ethnicity",
    )
    at = ctx.registrations.at(person, frame["admitted"].to_numpy())
    code = ctx.registrations.practice_code
    trust = ctx.people.sources.get(source, source)
    found = frame.with_columns(
        person=pl.Series(person),
        source=pl.lit(trust),
        practice_code=pl.select(
            pl.when(pl.Series(at >= 0))
            .then(code.gather(np.maximum(at, 0)))
            .otherwise(pl.lit(UNKNOWN_PRACTICE))
        ).to_series(),
    ).join(known, on="person", how="left", maintain_order="left")
    ctx.lives.saw(found.select("person", "source", on=pl.col("admitted").cast(pl.Date)))
    return row_faults(found, rng, _COLUMNS)
