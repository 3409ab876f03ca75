"""Who a cohort's people are: one-way tables and cross-tabulations, as plain counts.

A count is the size of an intersection, which roaring bitmaps give without making it:
3 µs for a million people. What leaves the platform passes disclosure control with
the sets themselves; these counts are for choosing what to show, and for machines
inside.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

Counts = NDArray[np.int64]
Values = Mapping[str, BitMap]


@dataclass(frozen=True)
class OneWay:
    """How many of a cohort have each value of an attribute, and how many none.

    `rest` are those with none of the values: for a flag known of everyone who is asked,
    whose table holds "yes" alone, they are its "no" and those whose record is closed to
    the use; else they are not known.
    """

    attribute: str
    values: tuple[str, ...]
    counts: Counts
    rest: int


def characterise(cohort: BitMap, tables: Iterable[tuple[str, Values]]) -> list[OneWay]:
    """Return one table for each attribute; its values must not overlap."""
    size = len(cohort)
    made = []
    for attribute, values in tables:
        counts = np.fromiter(
            (cohort.intersection_cardinality(people) for people in values.values()),
            dtype=np.int64,
            count=len(values),
        )
        rest = size - int(counts.sum())
        made.append(OneWay(attribute, tuple(values), counts, rest))
    return made


def crosstab(cohort: BitMap, rows: Values, columns: Values) -> Counts:
    """Return the counts of every pair of values: one row for each of `rows`."""
    made = np.zeros((len(rows), len(columns)), dtype=np.int64)
    for i, having in enumerate(rows.values()):
        inside = cohort & having
        for j, other in enumerate(columns.values()):
            made[i, j] = inside.intersection_cardinality(other)
    return made
