"""Ask every code of a shard every question of the scores at once, in bits.

A million people have tens of millions of coded records but some ten thousand distinct
codes. So each distinct code is matched once, whole numbers travel with the rows, and
one pass ORs them per person (`reduceat` over rows in the order of people).
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

BITS = 64
ALL = np.uint64(2**64 - 1)
EPOCH = date(1970, 1, 1).toordinal()
Words = NDArray[np.uint64]
Places = NDArray[np.int64]
Marks = NDArray[np.uint8]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Question:
    """Is there a code that begins with one of `stems`, or is one of `exact`?

    Dated within the last `within_days` (the date itself included), or `before_days`
    or more ago; without either, ever.
    """

    stems: frozenset[str] = frozenset()
    exact: frozenset[str] = frozenset()
    within_days: int | None = None
    before_days: int | None = None


class Known(NamedTuple):
    """The codes that were matched so far, and the bits of each."""

    codes: pl.Enum
    masks: Words


class Questions:
    """Questions to the codes of one coding system; each has a bit.

    Codes that were matched once are remembered, shard after shard.
    """

    def __init__(self, asked: Iterable[Question]) -> None:
        self.asked = tuple(dict.fromkeys(asked))
        self.place = {question: i for i, question in enumerate(self.asked)}
        self.words = max(-(-len(self.asked) // BITS), 1)
        self._stems: dict[str, int] = {}
        self._exact: dict[str, int] = {}
        for question, place in self.place.items():
            for table, codes in (
                (self._stems, question.stems),
                (self._exact, question.exact),
            ):
                for code in codes:
                    table[code] = table.get(code, 0) | 1 << place
        self._learning = threading.Lock()
        self._known = Known(pl.Enum([""]), np.zeros((1, self.words), dtype=np.uint64))

    def number(self, codes: pl.Series) -> tuple[NDArray[np.uint32], Known]:
        """Return the place of each code among all known ones, and those.

        Dots and case do not matter; a missing code has no bits.
        """
        known = self._known
        found = codes.cast(known.codes, strict=False).to_physical()
        if found.null_count() > codes.null_count():
            known = self._learn(codes.filter(found.is_null()))
            found = codes.cast(known.codes, strict=False).to_physical()
        return found.fill_null(0).to_numpy(), known

    def _learn(self, codes: pl.Series) -> Known:
        """Match the codes that were not seen before."""
        with self._learning:
            before = self._known
            seen = before.codes.categories
            new = codes.drop_nulls().unique()
            new = new.filter(~new.is_in(seen.implode()))
            masks = self.masks(new.to_list())
            self._known = Known(
                pl.Enum(pl.concat([seen, new])), np.concatenate([before.masks, masks])
            )
            return self._known

    def masks(self, codes: Sequence[str]) -> Words:
        """Return the bits of each code, one row per code, one column per word."""
        lengths = sorted({len(stem) for stem in self._stems})
        found = np.zeros((len(codes), self.words), dtype=np.uint64)
        for row, code in enumerate(codes):
            bits = self._match(code, lengths)
            if bits:
                found[row] = [
                    (bits >> BITS * word) & int(ALL) for word in range(self.words)
                ]
        return found

    def gates(self) -> Iterable[tuple[int, np.uint64, int | None, int | None]]:
        """Yield (word, bits, within_days, before_days) of the dated questions."""
        found: dict[tuple[int, int | None, int | None], int] = {}
        for question, place in self.place.items():
            key = (place // BITS, question.within_days, question.before_days)
            found[key] = found.get(key, 0) | 1 << place % BITS
        for (word, within, before), bits in found.items():
            if within is not None or before is not None:
                yield word, np.uint64(bits), within, before

    def _match(self, code: str, lengths: Sequence[int]) -> int:
        plain = code.replace(".", "").upper()
        bits = self._exact.get(plain, 0)
        for length in lengths:
            bits |= self._stems.get(plain[:length], 0)
        return bits


class Order:
    """Where each person stands in the frame that is scored."""

    def __init__(self, person_nos: pl.Series) -> None:
        numbers = person_nos.to_numpy()
        self.people = len(numbers)
        self._place = np.full(int(numbers.max(initial=0)) + 2, -1, dtype=np.int32)
        self._place[numbers] = np.arange(self.people, dtype=np.int32)

    def of(self, person_nos: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the place of each number; -1 for whoever is not there."""
        found: NDArray[np.int32] = self._place.take(person_nos, mode="clip")
        return found

    def marked(self, person_nos: pl.Series) -> Flags:
        """Return, for each place, whether the person's number is among these."""
        found = np.zeros(self.people + 1, dtype=np.bool_)
        found[self.of(person_nos.to_numpy())] = True
        return found[:-1]


@dataclass(frozen=True)
class Found:
    """The rows whose code answers a question, in the order of people.

    `place` of the person, `days` before the date, `code` a row of `masks`, `row` the
    row of the frame that was searched. `codes` numbers every row of that frame.
    """

    place: NDArray[np.int32]
    days: NDArray[np.int32]
    code: NDArray[np.uint32]
    row: Places
    codes: NDArray[np.uint32]
    known: Known

    @property
    def masks(self) -> Words:
        return self.known.masks

    def having(self, place: int) -> Flags:
        """Return which rows answer the question at `place`, whenever dated."""
        bit = (self.masks[:, place // BITS] >> np.uint64(place % BITS)) & np.uint64(1)
        rows: Flags = bit.astype(np.bool_)[self.code]
        return rows


def find(rows: pl.DataFrame, order: Order, questions: Questions, as_of: date) -> Found:
    """Match rows (`person_no`, `on_date`, `code`) of one system."""
    code, known = questions.number(rows["code"])
    asked: Flags = np.any(known.masks != 0, axis=1)
    row = np.flatnonzero(asked[code])
    place = order.of(rows["person_no"].to_numpy()[row])
    days = days_before(as_of, rows["on_date"])[row]
    usable = (place >= 0) & (days >= 0)
    if not usable.all():
        row, place, days = row[usable], place[usable], days[usable]
    sequence = in_order(place)
    row = row[sequence]
    return Found(place[sequence], days[sequence], code[row], row, code, known)


def days_before(as_of: date, dates: pl.Series) -> NDArray[np.int32]:
    """Return how many days before `as_of` each date lies."""
    found: NDArray[np.int32] = np.int32(as_of.toordinal() - EPOCH) - (
        dates.to_physical().to_numpy()
    )
    return found


def in_order(place: NDArray[np.int32]) -> Places:
    """Return the stable order of places: two passes of NumPy's 16-bit radix sort."""
    low = np.argsort((place & 0xFFFF).astype(np.uint16), kind="stable")
    high = (place >> 16).astype(np.uint16)
    if not high.any():
        return low
    return low[np.argsort(high[low], kind="stable")]


def answers(found: Found, questions: Questions, people: int) -> Words:
    """Return the OR of each person's rows, dated bits only where the date fits."""
    made = np.zeros((people, questions.words), dtype=np.uint64)
    if not len(found.place):
        return made
    starts = beginnings(found.place)
    for word in range(questions.words):
        bits = found.masks[:, word][found.code]
        for gated, mask, within, before in questions.gates():
            if gated != word:
                continue
            shut = np.zeros(len(bits), dtype=np.bool_)
            if within is not None:
                shut |= found.days >= within
            if before is not None:
                shut |= found.days < before
            bits &= np.where(shut, ~mask, ALL)
        made[found.place[starts], word] = np.bitwise_or.reduceat(bits, starts)
    return made


def beginnings(place: NDArray[np.int32]) -> Places:
    """Return where each person's rows begin in rows in the order of people."""
    found: Places = np.flatnonzero(np.r_[True, place[1:] != place[:-1]])
    return found


def unpacked(words: Words) -> Marks:
    """Return one column of 0 and 1 for each bit, on any machine."""
    little = np.ascontiguousarray(words).astype("<u8", copy=False)
    return np.unpackbits(
        little.view(np.uint8).reshape(len(words), -1), axis=1, bitorder="little"
    )


def columns(marks: Marks, places: Sequence[int]) -> Marks:
    """Return some columns; without a copy where they stand side by side."""
    if list(places) == list(range(places[0], places[0] + len(places))):
        return marks[:, places[0] : places[0] + len(places)]
    return marks[:, list(places)]
