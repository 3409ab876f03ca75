"""A delta laid over a full release is what indexing everybody anew would give."""

from collections.abc import Collection

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from linkage.release.catalogue import Attribute
from linkage.release.sources import EVERYONE, PEOPLE, Overlaid
from linkage.steps.index import index, people_of

BAND = Attribute("band", "Band", "category", values=("low", "high"))
VISITS = Attribute("visits", "Visits", "number", bins=(0, 1, 5))
People = dict[int, tuple[str | None, float | None]]


class Kept:
    """What a release keeps of some people."""

    release_id = 1

    def __init__(self, people: People) -> None:
        ids = sorted(people)
        frame = pl.DataFrame(
            {
                "person_no": ids,
                "band": [people[n][0] for n in ids],
                "visits": [people[n][1] for n in ids],
            },
            schema={"person_no": pl.Int32, "band": pl.String, "visits": pl.Float64},
        )
        self.ids = people_of(frame)
        self.made = {a.name: index(self.ids, frame[a.name], a) for a in (BAND, VISITS)}

    def bitmaps(self, attributes: Collection[str]) -> dict[str, dict[str, BitMap]]:
        return {name: dict(self.made[name].bitmaps) for name in attributes}

    def column(self, attribute: str) -> bytes | None:
        if attribute == PEOPLE:
            return self.ids.astype("<u4").tobytes()
        return self.made[attribute].numbers.astype("<f4").tobytes()


values = st.tuples(
    st.sampled_from([None, "low", "high"]), st.sampled_from([None, 0.0, 1.0, 7.0])
)
some = st.dictionaries(st.integers(1, 40), values, max_size=15)


class Delta(Kept):
    """The touched persons' own, beside who is in the release altogether."""

    def __init__(self, people: People, everybody: People) -> None:
        super().__init__(people)
        self.everybody = np.asarray(sorted(everybody), dtype="<u4")

    def column(self, attribute: str) -> bytes | None:
        if attribute == PEOPLE:
            return self.everybody.tobytes()
        return super().column(attribute)


@given(before=some, changed=some, gone=st.sets(st.integers(1, 40), max_size=5))
def test_the_two_together_are_as_if_made_anew(
    before: People, changed: People, gone: set[int]
) -> None:
    whose = BitMap([*changed, *gone])
    mine = {n: each for n, each in changed.items() if n not in gone}
    now = {n: each for n, each in before.items() if n not in whose} | mine
    of_all = frozenset({EVERYONE, PEOPLE})
    found = Overlaid(Delta(mine, now), Kept(before), of_all, whose)
    anew = Kept(now)
    for name in ("band", "visits"):
        assert found.bitmaps([name]) == anew.bitmaps([name])
        assert found.column(name) == anew.column(name)
    assert found.column(PEOPLE) == anew.column(PEOPLE)


def test_what_a_delta_keeps_for_everybody_is_its_own() -> None:
    base = Kept({1: ("low", 1.0), 2: ("high", 2.0)})
    delta = Kept({1: ("low", 5.0), 2: ("low", 6.0)})
    of_all = frozenset({"visits", PEOPLE, EVERYONE})
    found = Overlaid(delta, base, of_all, BitMap([1]))
    assert found.column("visits") == delta.column("visits")
    assert found.bitmaps(["visits"]) == delta.bitmaps(["visits"])
