"""Mark the people whom a lens picks out, whatever segment they are in."""

import polars as pl

from linkage.steps.holds import holds
from segmentation.specs import LensSpec


def lens(spec: LensSpec) -> pl.Expr:
    """Return the lens as a Boolean column, null where it cannot be known."""
    picked = pl.all_horizontal([holds(test) for test in spec.all_of])
    return (
        pl.when(pl.col(spec.known_by).is_not_null()).then(picked).alias(spec.attribute)
    )
