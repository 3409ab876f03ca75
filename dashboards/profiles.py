"""What lists read of people in a release, read for several lists at a time.

A part comes out of the database with all its columns, shard by shard: to read it anew
for each of sixteen lists took longer than making them.
"""

from collections.abc import Callable, Collection, Sequence

import polars as pl

# What every frame has beside the attributes asked for.
GEOGRAPHY = ("practice_code", "pcn_code")
# In memory at once: of 200,000 people all that lists read, of millions a list or two.
MOST_VALUES = 60_000_000


class Profiles:
    """One frame of people at a time, for as many lists as `MOST_VALUES` allows.

    read: from names of attributes to a frame of them, person_no and GEOGRAPHY. wanted:
    the attributes of each list, in the order in which they will be asked for. people:
    how many rows a frame has.
    """

    def __init__(
        self,
        read: Callable[[Collection[str]], pl.DataFrame],
        wanted: Sequence[Collection[str]],
        people: int,
    ) -> None:
        self._read = read
        self._coming = [frozenset(names) for names in wanted]
        self._most = max(1, MOST_VALUES // max(people, 1))
        self._frame = pl.DataFrame()

    def of(self, attributes: Collection[str]) -> pl.DataFrame:
        """Return person_no, GEOGRAPHY and the attributes: one row per person."""
        asked = frozenset(attributes)
        names = ["person_no", *sorted(asked | {*GEOGRAPHY})]
        if not set(names) <= set(self._frame.columns):
            union = set(asked)
            for coming in self._coming:
                if len(union | coming) <= self._most:
                    union |= coming
            # Before the next is read, so that never two lie in memory.
            self._frame = pl.DataFrame()
            self._frame = self._read(union)
        if asked in self._coming:
            self._coming.remove(asked)
        return self._frame.select(names)
