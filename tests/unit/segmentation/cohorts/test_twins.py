"""Which earlier set's figures a set gets: near twins cannot be told apart."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from segmentation.cohorts.steps.twins import (
    CLOSE,
    Earlier,
    Shown,
    close,
    fitting,
    tolerance,
)

PEOPLE = BitMap(range(100, 200))


def twin(people: BitMap, before: list[Shown]) -> Shown | None:
    return Earlier(before).twin(people)


def slow_twin(people: BitMap, before: list[Shown]) -> Shown | None:
    """The rule as it reads, one earlier set after another."""
    best, least = None, 0
    for each in before:
        apart = people.symmetric_difference_cardinality(each.people)
        same = people.intersection_cardinality(each.people)
        share = 0.5 if apart <= 7 else 0.75
        is_near = same >= share * max(len(people), len(each.people))
        if apart <= each.tolerance and is_near and (best is None or apart < least):
            best, least = each, apart
    return best


def without(few: int) -> BitMap:
    return BitMap(range(100 + few, 200))


def test_a_set_within_the_tolerance_is_the_earlier_one_and_beyond_it_its_own():
    for own in range(7, 16):
        shown = [Shown(PEOPLE, own)]
        assert twin(PEOPLE, shown) is shown[0]
        assert twin(without(own), shown) is shown[0]
        assert twin(without(own + 1), shown) is None
        assert twin(PEOPLE | BitMap(range(own)), shown) is shown[0]


def test_the_nearest_is_chosen_and_of_equals_the_earliest():
    far, near = Shown(without(5), 15), Shown(without(1), 7)
    assert twin(PEOPLE, [far, near]) is near
    twice = [Shown(without(1), 7), Shown(without(1), 9)]
    assert twin(PEOPLE, twice) is twice[0]


def test_two_groups_of_strangers_are_two_groups():
    """Eight and six people of whom nobody is the same differ by fourteen in all."""
    assert twin(BitMap(range(6)), [Shown(BitMap(range(50, 58)), 15)]) is None


def test_a_small_group_is_not_shown_as_one_of_twice_its_size():
    shown = [Shown(BitMap(range(25)), 15)]
    assert twin(BitMap(range(14)), shown) is None
    assert twin(BitMap(range(18)), shown) is shown[0]  # seven apart, and most the same
    assert twin(BitMap(range(48)), [Shown(BitMap(range(60)), 12)]) is not None
    assert twin(BitMap(range(26)), [Shown(BitMap(range(36)), 12)]) is None


def test_every_tolerance_is_drawn_and_none_beyond():
    """A fixed one could be found out: ask with one more stranger at a time."""
    assert {tolerance() for _ in range(2000)} == set(range(7, 16))


def test_close_questions_are_counted_and_twins_and_the_far_are_not():
    people = BitMap(range(1000))
    shown = [
        Shown(BitMap(range(few, 1000)), 10) for few in (0, 10, 11, CLOSE, CLOSE + 1)
    ]
    assert close(people, shown) == 2
    # Of a small set, what differs by a tenth is another question.
    assert close(PEOPLE, [Shown(without(11), 10)]) == 0


def test_a_part_is_never_more_than_the_whole():
    assert fitting(PEOPLE, without(1)) == without(1)
    assert fitting(without(1), PEOPLE) == without(1)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 7))
def test_nobody_learns_of_up_to_seven_by_leaving_them_out(seed, few):
    """Whatever the set and whoever is left out, both questions have one answer."""
    rng = random.Random(seed)
    people = BitMap(rng.sample(range(5000), rng.randint(16, 400)))
    target = BitMap(rng.sample(list(people), few))
    shown = [Shown(people, tolerance())]
    assert twin(people - target, shown) is shown[0]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32))
def test_held_against_those_of_its_size_alone_a_set_has_the_same_twin(seed):
    """Among crowds of near twins of all sizes, kept at once or one by one."""
    rng = random.Random(seed)
    roots = [rng.sample(range(400), rng.randint(0, 200)) for _ in range(3)]

    def near() -> BitMap:
        root = rng.choice(roots)
        kept = rng.sample(root, max(0, len(root) - rng.randint(0, 20)))
        return BitMap(kept) | BitMap(rng.sample(range(400), rng.randint(0, 12)))

    before = [Shown(near(), tolerance()) for _ in range(60)]
    at_once, one_by_one = Earlier(before), Earlier()
    for each in before:
        one_by_one.add(each)
    for people in (near() for _ in range(60)):
        wanted = slow_twin(people, before)
        assert at_once.twin(people) is wanted
        assert one_by_one.twin(people) is wanted
