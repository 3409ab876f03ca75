"""Who is offered a programme first, by lot: from a seed, so that anyone can check.

A lot depends on the seed and on whom it is drawn for alone: not on the order of the
rows, the day, or who else is there. So it can be drawn again and found the same.
"""

from datetime import date, timedelta
from hashlib import blake2b

import polars as pl

from dashboards.list_specs import Comparison


def lot(seed: int, name: str) -> float:
    """Return the lot of a name, from 0 to under 1."""
    drawn = blake2b(f"{seed}|{name}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big") / 2**64


def allocate_people(people: pl.DataFrame, comparison: Comparison) -> pl.DataFrame:
    """Add `arm` ("offer" or "usual") and `starts_on` to people (`person_no`, …)."""
    arms = [
        "offer" if lot(comparison.seed, str(n)) < comparison.share else "usual"
        for n in people["person_no"]
    ]
    later = pl.lit(comparison.until)
    return people.with_columns(arm=pl.Series(arms, dtype=pl.String)).with_columns(
        starts_on=pl.when(pl.col("arm") == "offer")
        .then(pl.lit(comparison.start_on))
        .otherwise(later)
    )


def allocate_practices(practices: list[str], comparison: Comparison) -> pl.DataFrame:
    """Return each practice's `step` (0 first) and the day it `starts_on`.

    Practices in the order of their lots, cut into as equal groups as can be.
    """
    ordered = sorted(practices, key=lambda code: (lot(comparison.seed, code), code))
    steps = [n * comparison.steps // len(ordered) for n in range(len(ordered))]
    starts: list[date] = [
        comparison.start_on + timedelta(days=step * comparison.days_a_step)
        for step in steps
    ]
    return pl.DataFrame(
        {"practice_code": ordered, "step": steps, "starts_on": starts},
        schema={
            "practice_code": pl.String,
            "step": pl.Int32,
            "starts_on": pl.Date,
        },
    )


def balance(people: pl.DataFrame, traits: list[str]) -> pl.DataFrame:
    """Return how alike the arms are: each trait's mean by arm, and their difference.

    `people`: arm and numeric traits. `difference` is standardised: the difference of
    the means over the pooled standard deviation; under 0.1 is usually called alike.
    """
    rows = []
    for trait in traits:
        known = people.filter(pl.col(trait).is_not_null())
        by = {
            arm: known.filter(pl.col("arm") == arm)[trait].cast(pl.Float64)
            for arm in ("offer", "usual")
        }
        means = {arm: _number(values.mean()) for arm, values in by.items()}
        spread = [_number(values.var()) for values in by.values()]
        difference = None
        if None not in (*means.values(), *spread):
            pooled = (sum(s for s in spread if s is not None) / 2) ** 0.5
            gap = (means["offer"] or 0.0) - (means["usual"] or 0.0)
            difference = gap / pooled if pooled else 0.0
        rows.append((trait, means["offer"], means["usual"], difference))
    return pl.DataFrame(
        rows,
        schema={
            "trait": pl.String,
            "offer": pl.Float64,
            "usual": pl.Float64,
            "difference": pl.Float64,
        },
        orient="row",
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
