"""Points for groups of conditions: which groups a person has, what they add up to."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from risk.steps.code_bits import Marks, Question

# Weights in whole hundredths: 0.1 added 109 times is not exact.
WHOLE = 100
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """A group of ICD-10 stems that scores once, with its points in hundredths."""

    name: str
    title: str
    stems: tuple[str, ...]
    hundredths: int

    def question(self, within_days: int) -> Question:
        return Question(stems=frozenset(self.stems), within_days=within_days)


@dataclass(frozen=True)
class PointsTable:
    """The groups of one coded score; `supersedes` holds places (graver, milder)."""

    groups: tuple[Group, ...]
    supersedes: tuple[tuple[int, int], ...] = ()

    @classmethod
    def from_frame(
        cls,
        rows: pl.DataFrame,
        points: str,
        supersedes: dict[str, tuple[str, ...]] | None = None,
    ) -> "PointsTable":
        """Read columns `group`, `title`, `codes` (stems parted by blanks), `points`.

        All columns are text. ValueError for a group that stands twice or for a
        superseding group that is not in the table.
        """
        groups = tuple(
            Group(
                row["group"],
                row["title"],
                tuple(row["codes"].split()),
                hundredths(row[points]),
            )
            for row in rows.iter_rows(named=True)
        )
        place = {group.name: i for i, group in enumerate(groups)}
        if len(place) != len(groups):
            raise ValueError("a group stands twice in a table of points")
        pairs = []
        for upper, milder in (supersedes or {}).items():
            for lower in milder:
                if upper not in place or lower not in place:
                    raise ValueError(f"supersedes: no group {upper} or {lower}")
                pairs.append((place[upper], place[lower]))
        return cls(groups, tuple(pairs))

    @property
    def stems(self) -> set[str]:
        """Every stem of every group."""
        return {stem for group in self.groups for stem in group.stems}


def hundredths(weight: str) -> int:
    """Return a weight in whole hundredths. ValueError if it has finer parts."""
    found = round(float(weight) * WHOLE)
    if abs(found - float(weight) * WHOLE) > 1e-6:
        raise ValueError(f"a weight of {weight} is finer than a hundredth")
    return found


def supersede(marks: Marks, pairs: tuple[tuple[int, int], ...]) -> Marks:
    """Clear the milder group wherever the graver one stands beside it."""
    left = marks.copy()
    for upper, lower in pairs:
        left[:, lower] &= 1 - marks[:, upper]
    return left


def total(marks: Marks, weights: tuple[int, ...]) -> Floats:
    """Return the points of each row, every group once; `weights` in hundredths.

    Sums of whole numbers are exact in single precision up to 16 million.
    """
    whole = marks.astype(np.float32) @ np.array(weights, dtype=np.float32)
    found: Floats = whole.astype(np.float64) / WHOLE
    return found


def named(marks: Marks, names: tuple[str, ...]) -> pl.Series:
    """Return the names of each row's marked columns, as lists of an Enum."""
    flags = np.ascontiguousarray(marks).view(np.bool_)
    offsets = np.concatenate([[0], np.count_nonzero(flags, axis=1).cumsum()])
    places = (np.flatnonzero(flags) % max(len(names), 1)).astype(np.uint8)
    lists = pa.LargeListArray.from_arrays(
        pa.array(offsets, pa.int64()), pa.array(places)
    )
    found = pl.from_arrow(lists)
    assert isinstance(found, pl.Series)
    return found.list.eval(pl.element().cat.to(pl.Enum(names)))
