"""Put every person into exactly one segment of a scheme, and keep why."""

import polars as pl

from linkage.steps.holds import holds
from segmentation.specs import ElementSpec, SchemeSpec

DECIDED_BY = "sub"
ELEMENTS = "elements"


def met(element: ElementSpec) -> pl.Expr:
    """Return whether a person has an element: every one of its tests holds."""
    return pl.all_horizontal([holds(test) for test in element.all_of])


def assign(
    features: pl.DataFrame, scheme: SchemeSpec, *, every: bool = False
) -> pl.DataFrame:
    """Return one row per person: the segment, and what decided it.

    Columns: `person_no`; the scheme's attribute, the name of the first segment in
    precedence of which the person has any element; `<attribute>_sub`, the name of
    the first such element, or the last segment's own name where nothing holds; and
    with `every` (which costs more than all the rest) `<attribute>_elements`, the names
    of every element met, in precedence.
    ColumnNotFoundError if a feature that the scheme reads is absent: a segment must
    not become healthy because a column was forgotten.
    """
    flags = features.select(
        "person_no", *(met(e).alias(e.name) for e in scheme.elements)
    )
    rest = scheme.segments[-1].name
    segment = pl.coalesce(
        *(
            pl.when(pl.any_horizontal([e.name for e in segment.elements])).then(
                pl.lit(segment.name)
            )
            for segment in scheme.segments[:-1]
        ),
        pl.lit(rest),
    )
    decided = pl.coalesce(
        *(pl.when(pl.col(e.name)).then(pl.lit(e.name)) for e in scheme.elements),
        pl.lit(rest),
    )
    name = scheme.attribute
    columns = [segment.alias(name), decided.alias(f"{name}_{DECIDED_BY}")]
    if every:
        names = [pl.when(pl.col(e.name)).then(pl.lit(e.name)) for e in scheme.elements]
        met_ones = pl.concat_list(names).list.drop_nulls()
        columns.append(met_ones.alias(f"{name}_{ELEMENTS}"))
    return flags.select("person_no", *columns)
