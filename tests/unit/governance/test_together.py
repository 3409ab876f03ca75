"""Rows of threads that wait go in one call, and one's error is never another's."""

import time
from collections.abc import Callable, Sequence
from threading import Event, Thread

import pytest

from governance import together as module
from governance.together import CROWD, Together


class Sink:
    """Takes calls; the first ends when it is let go. A row "bad" fails its call.

    The call of the number `broken_off` ends with the thread that made it.
    """

    def __init__(self, broken_off: int = 0) -> None:
        self.broken_off = broken_off
        self.calls: list[list[str]] = []
        self.kept: list[str] = []
        self.let_go = Event()

    def take(self, rows: Sequence[str]) -> None:
        self.calls.append(list(rows))
        if len(self.calls) == 1:
            assert self.let_go.wait(10)
        if "bad" in rows:
            raise ValueError("bad")
        if len(self.calls) == self.broken_off:
            raise KeyboardInterrupt
        self.kept += rows


def writes(together: Together, rows: str, told: dict[str, str]) -> Callable[[], None]:
    def write() -> None:
        try:
            together.write(rows)
            told[rows] = "written"
        except (ValueError, KeyboardInterrupt) as error:
            told[rows] = type(error).__name__

    return write


def together_with(sink: Sink, *rows: str) -> dict[str, str]:
    """Write "first", and these while its call is under way; what each was told."""
    together = Together(sink.take)
    told: dict[str, str] = {}
    threads = []
    for number, each in enumerate(("first", *rows)):
        threads.append(Thread(target=writes(together, each, told)))
        threads[-1].start()
        while len(sink.calls) + len(together._waiting) < number + 1:
            time.sleep(0.001)
    sink.let_go.set()
    for thread in threads:
        thread.join(10)
    return told


def test_who_comes_while_a_call_is_under_way_goes_in_the_next_one() -> None:
    sink = Sink()
    told = together_with(sink, "a", "b", "c")
    assert sink.calls == [["first"], ["a", "b", "c"]]
    assert told == dict.fromkeys(("first", "a", "b", "c"), "written")


def test_an_error_is_told_to_whose_rows_it_is_about_and_costs_nobody_else() -> None:
    sink = Sink()
    told = together_with(sink, "a", "bad", "c")
    assert told == {"first": "written", "a": "written", "c": "written"} | {
        "bad": "ValueError"
    }
    assert sorted(sink.kept) == ["a", "c", "first"]


def test_a_thread_that_is_broken_off_takes_nobodys_rows_with_it() -> None:
    sink = Sink(broken_off=2)
    told = together_with(sink, "a", "b")
    assert sorted(told.values()) == ["KeyboardInterrupt", "written", "written"]
    assert sink.kept == [
        rows for rows in ("first", "a", "b") if told[rows] == "written"
    ]


def after_a_crowd(*rows: str) -> list[list[str]]:
    """Write these, each beginning once the one before waits, after CROWD in a call."""
    sink = Sink()
    together = Together(sink.take)
    told: dict[str, str] = {}
    crowd = [f"crowd {n}" for n in range(CROWD)]
    threads = []
    for number, each in enumerate(("first", *crowd)):
        threads.append(Thread(target=writes(together, each, told)))
        threads[-1].start()
        while len(sink.calls) + len(together._waiting) < number + 1:
            time.sleep(0.001)
    sink.let_go.set()
    for thread in threads:
        thread.join(10)
    assert sink.calls.pop(0) == ["first"]
    assert sink.calls.pop(0) == crowd
    for each in rows:
        assert sink.calls == []
        threads.append(Thread(target=writes(together, each, told)))
        threads[-1].start()
        while not sink.calls and each not in {w.rows for w in together._waiting}:
            time.sleep(0.001)
    for thread in threads:
        thread.join(10)
    assert set(told.values()) == {"written"}
    return sink.calls


def test_a_crowd_that_comes_back_goes_in_one_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "GATHERS_SECONDS", 10)
    again = [f"again {n}" for n in range(CROWD)]
    assert after_a_crowd(*again) == [again]


def test_who_comes_back_alone_is_kept_waiting_for_moments() -> None:
    assert after_a_crowd("alone") == [["alone"]]


@pytest.mark.parametrize("rows", ["bad", "a"])
def test_one_caller_is_one_call(rows: str) -> None:
    sink = Sink()
    sink.let_go.set()
    told: dict[str, str] = {}
    writes(Together(sink.take), rows, told)()
    assert sink.calls == [[rows]]
    assert told == {rows: "ValueError" if rows == "bad" else "written"}
