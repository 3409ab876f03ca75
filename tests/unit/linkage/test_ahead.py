"""Items are made by a thread while the last one is used, in order and to the end."""

import threading
from collections.abc import Iterator

import pytest

from linkage.ahead import ahead


def nothing() -> None:
    """Nothing has to be closed."""


def test_items_keep_their_order() -> None:
    assert list(ahead(iter(range(5)), nothing)) == [0, 1, 2, 3, 4]
    assert list(ahead(iter([]), nothing)) == []


def test_the_next_is_made_while_one_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    for number in ahead(items(), nothing):
        following = made[number + 1 : number + 2]
        assert all(event.wait(5) for event in following)


def test_the_maker_closes_what_it_opened() -> None:
    makers: list[str] = []
    closed: list[str] = []

    def items() -> Iterator[int]:
        for number in range(2):
            makers.append(threading.current_thread().name)
            yield number

    list(ahead(items(), lambda: closed.append(threading.current_thread().name)))
    assert makers[0] == threading.current_thread().name
    assert closed == [makers[1]]


def test_what_goes_wrong_reaches_the_user_and_everything_is_closed() -> None:
    closed: list[bool] = []

    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no second")

    with pytest.raises(ValueError, match="no second"):
        list(ahead(items(), lambda: closed.append(True)))
    assert closed == [True]
