"""What several lists read is read once, as far as it may lie in memory together."""

from collections.abc import Collection

import polars as pl
import pytest

from dashboards import profiles
from dashboards.profiles import Profiles

LISTS = [{"a", "b"}, {"b", "c"}, {"practice_code", "d"}]
PEOPLE = 10


class Reading:
    def __init__(self) -> None:
        self.asked: list[set[str]] = []

    def __call__(self, names: Collection[str]) -> pl.DataFrame:
        self.asked.append(set(names))
        columns = {"person_no", *names, *profiles.GEOGRAPHY}
        return pl.DataFrame({name: range(PEOPLE) for name in columns})


@pytest.mark.parametrize(
    ("most", "reads"),
    [
        (1000, [{"a", "b", "c", "d", "practice_code"}]),
        (30, [{"a", "b", "c"}, {"practice_code", "d"}]),
        (1, LISTS),
    ],
)
def test_lists_share_a_frame_as_far_as_memory_allows(monkeypatch, most, reads) -> None:
    monkeypatch.setattr(profiles, "MOST_VALUES", most)
    reading = Reading()
    found = Profiles(reading, LISTS, PEOPLE)
    for names in LISTS:
        frame = found.of(names)
        assert set(frame.columns) == {"person_no", *names, *profiles.GEOGRAPHY}
        assert frame.height == PEOPLE
    assert reading.asked == reads


def test_who_asks_for_what_was_not_announced_gets_it_too() -> None:
    reading = Reading()
    found = Profiles(reading, LISTS, 0)
    assert "x" in found.of({"x"}).columns
    assert "a" in found.of({"a"}).columns
    assert len(reading.asked) == 1
