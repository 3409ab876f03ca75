"""Match each distinct code once: a score's groups as bits, one word per 64 groups.

A million people have millions of coded diagnoses but some ten thousand distinct
codes, so stems are compared per code and only whole numbers travel with the rows.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

BITS = 64
Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Group:
    """A group of ICD-10 stems that scores once, with its points in tenths."""

    name: str
    title: str
    stems: tuple[str, ...]
    tenths: int


@dataclass(frozen=True)
class PointsTable:
    """The groups of one coded score, in the order of their bits."""

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
                # Tenths in whole numbers: 0.1 added 109 times is not exact.
                round(float(row[points]) * 10),
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
    def words(self) -> int:
        return -(-len(self.groups) // BITS)

    @cached_property
    def stems(self) -> dict[str, list[int]]:
        """The groups of each stem."""
        found: dict[str, list[int]] = {}
        for place, group in enumerate(self.groups):
            for stem in group.stems:
                found.setdefault(stem, []).append(place)
        return found


def code_masks(codes: pl.Series, table: PointsTable) -> Words:
    """Return the groups of each code as bits, one row per code, one column per word.

    A code belongs to a group when it begins with one of its stems; dots and case do
    not matter.
    """
    lengths = sorted({len(stem) for stem in table.stems})
    masks = np.zeros((codes.len(), table.words), dtype=np.uint64)
    for row, code in enumerate(codes.to_list()):
        plain = code.replace(".", "").upper()
        for length in lengths:
            for place in table.stems.get(plain[:length], ()):
                masks[row, place // BITS] |= np.uint64(1 << place % BITS)
    return masks


def supersede(masks: Words, table: PointsTable) -> Words:
    """Clear the milder group wherever the graver one stands beside it."""
    left = masks.copy()
    for upper, lower in table.supersedes:
        present = (masks[:, upper // BITS] >> np.uint64(upper % BITS)) & np.uint64(1)
        left[:, lower // BITS] &= ~(present << np.uint64(lower % BITS))
    return left


def total_tenths(masks: Words, table: PointsTable) -> NDArray[np.int64]:
    """Return the points of each row in tenths: every group once."""
    octets = _octets(masks, table)
    total = np.zeros(len(masks), dtype=np.int64)
    for octet in range(octets.shape[1]):
        worth = np.zeros(256, dtype=np.int64)
        for bit, group in enumerate(table.groups[octet * 8 : octet * 8 + 8]):
            worth[(np.arange(256) >> bit) & 1 == 1] += group.tenths
        total += worth[octets[:, octet]]
    return total


def _octets(masks: Words, table: PointsTable) -> NDArray[np.uint8]:
    """Eight groups at a time, the first in the lowest bit, on any machine."""
    little = np.ascontiguousarray(masks).astype("<u8", copy=False)
    return little.view(np.uint8).reshape(len(masks), table.words * 8)


def group_names(masks: Words, table: PointsTable) -> pl.Series:
    """Return the names of each row's groups that carry points, as lists."""
    bits = np.unpackbits(_octets(masks, table), axis=1, bitorder="little")
    bits = bits[:, : len(table.groups)]
    carries = np.array([group.tenths != 0 for group in table.groups])
    rows, places = np.nonzero(bits & carries)
    names = np.array([group.name for group in table.groups], dtype=object)
    found = (
        pl.DataFrame({"row": rows.astype(np.int64), "name": names[places].tolist()})
        .group_by("row")
        .agg("name")
    )
    everyone = pl.DataFrame({"row": np.arange(len(masks), dtype=np.int64)})
    joined = everyone.join(found, on="row", how="left", maintain_order="left")
    return joined["name"].cast(pl.List(pl.String)).fill_null([])
