"""What a release knows of its people: the attributes, in order, and their numbers.

Each stage of a refresh states the attributes of the columns it wrote. The order of
the catalogue is the order of `profile.values`, where every value is a number: flags
0 or 1, categories the position in `values`, dates days since 1970-01-01.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Literal

Kind = Literal["flag", "category", "number", "date"]
FLAG_VALUES = ("no", "yes")
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Attribute:
    """One column of a release that pages, lists and cohorts may use.

    `values` are a category's values in display order; `bins` a number's ascending
    edges, from which bitmaps are made ([0, 1, 5] gives below 0, 0 to under 1,
    1 to under 5, 5 and over). A number without bins has a column and no bitmaps.
    `part` is the release part that holds the column of the same `name`; `source`
    names the definition behind it. A `sensitive` one (inclusion health) is for roles
    and purposes that may see it; counts of it are always protected.
    """

    name: str
    title: str
    kind: Kind
    unit: str = ""
    values: tuple[str, ...] = ()
    bins: tuple[float, ...] = ()
    part: str = "features"
    source: str = ""
    sensitive: bool = False

    def __post_init__(self) -> None:
        if self.kind == "category" and not self.values:
            raise ValueError(f"{self.name}: a category needs its values")
        if len(set(self.values)) != len(self.values):
            raise ValueError(f"{self.name}: a value stands twice")
        if any(low >= high for low, high in pairwise(self.bins)):
            raise ValueError(f"{self.name}: bins must ascend")

    @property
    def bitmap_values(self) -> tuple[str, ...]:
        """The values that have a bitmap, in display order; a date's is "known"."""
        if self.kind == "flag":
            return FLAG_VALUES
        if self.kind == "category":
            return self.values
        if self.kind == "date":
            return ("known",)
        return bin_labels(self.bins)

    def as_row(self) -> dict[str, Any]:
        """Return it as JSON for `release.catalogue`."""
        return asdict(self) | {"values": list(self.values), "bins": list(self.bins)}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Attribute":
        """Read it back from `release.catalogue`."""
        kept = dict(row) | {"values": tuple(row["values"]), "bins": tuple(row["bins"])}
        return cls(**kept)

    def word(self, number: float | None) -> str | float | bool | date | None:
        """Turn one number of a profile back into the value it stands for."""
        if number is None:
            return None
        if self.kind == "flag":
            return bool(number)
        if self.kind == "category":
            return self.values[int(number)]
        if self.kind == "date":
            return date.fromordinal(EPOCH.toordinal() + int(number))
        return number


def bin_labels(bins: Sequence[float]) -> tuple[str, ...]:
    """Name the intervals between ascending edges in plain words."""
    if not bins:
        return ()
    edges = [f"{edge:g}" for edge in bins]
    between = [f"{low} to under {high}" for low, high in pairwise(edges)]
    return (f"under {edges[0]}", *between, f"{edges[-1]} and over")


class Catalogue(Mapping[str, Attribute]):
    """The attributes of one release by name, in the order of the profile's values."""

    def __init__(self, attributes: Iterable[Attribute] = ()) -> None:
        self._attributes: dict[str, Attribute] = {}
        self.add(attributes)

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> "Catalogue":
        return cls(Attribute.from_row(row) for row in rows)

    def as_rows(self) -> list[dict[str, Any]]:
        return [attribute.as_row() for attribute in self._attributes.values()]

    def add(self, attributes: Iterable[Attribute]) -> None:
        """Append what is new. ValueError if a name would change its meaning."""
        for attribute in attributes:
            known = self._attributes.setdefault(attribute.name, attribute)
            if known != attribute:
                raise ValueError(
                    f"{attribute.name}: two stages or shards describe it differently"
                )

    def of_part(self, part: str) -> list[Attribute]:
        return [a for a in self._attributes.values() if a.part == part]

    def __getitem__(self, name: str) -> Attribute:
        try:
            return self._attributes[name]
        except KeyError:
            raise KeyError(f"no attribute {name!r} in this release") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._attributes)

    def __len__(self) -> int:
        return len(self._attributes)
