"""Part rows that tell of something before the person was born."""

import polars as pl

from linkage.specs import FeedSpec


def before_birth(rows: pl.DataFrame, spec: FeedSpec) -> pl.DataFrame:
    """Return row_number, rule, field of linked rows dated before their birth month.

    rows: with `subject_born_on`, the birth date that the row's own source states.
    The month is enough: a birth recorded on the wrong day is not a wrong fact.
    """
    dates = {part.date for part in spec.events} | {a.start for a in spec.activities}
    dates |= {part.start for part in spec.registrations}
    first = pl.col("subject_born_on").dt.month_start()
    found = [
        rows.filter(pl.col(name) < first).select(
            "row_number",
            rule=pl.lit("before_birth"),
            field=pl.lit(
                spec.expanded[name].headers[0] if name in spec.expanded else name
            ),
        )
        for name in sorted(dates)
    ]
    none = pl.DataFrame(
        schema={"row_number": pl.Int64, "rule": pl.String, "field": pl.String}
    )
    return pl.concat([none, *found])
