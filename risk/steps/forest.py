"""Trained trees asked of very many people at once.

LightGBM walks each tree anew for each person, and most of that time goes into branches
guessed wrongly. Here each question of the whole forest ("is the age above 74.5?") is
asked once of a block of people; a tree's answers, as the bits of a number, say in which
leaf a person is. The sums are LightGBM's own, to the last bit, in a third of the time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from risk.steps.matrix import Floats, Inputs

# Blocks whose answers stay in the processor's cache.
BLOCK = 8192
# A table of the leaves has two to the power of a tree's questions rows.
MOST_QUESTIONS = 15
# LightGBM's bits of a split's kind: which way a missing value goes, and what is one.
CATEGORICAL, UNKNOWN_GOES_LEFT, MISSING = 1, 2, 12
NAN, ZERO = 8, 4


@dataclass(frozen=True)
class Question:
    """Whether an input lies above a threshold; `unknown` is the answer of NaN."""

    place: int
    above: np.float32
    unknown: bool

    def asked_of(self, column: Inputs) -> NDArray[np.bool_]:
        if self.unknown:
            return ~(column <= self.above)
        return column > self.above


@dataclass(frozen=True)
class Tree:
    """Which questions decide, and the leaf of each number that their answers make."""

    questions: tuple[int, ...]
    leaf_of: NDArray[np.uint8]
    values: Floats


@dataclass(frozen=True)
class Forest:
    """Trees and every question that any of them asks, once."""

    questions: tuple[Question, ...]
    trees: tuple[Tree, ...]

    def raw(self, inputs: Inputs) -> Floats:
        """Return the sum of the leaves' values per row, as LightGBM's raw score."""
        found = np.empty(len(inputs))
        for start in range(0, len(inputs), BLOCK):
            rows = slice(start, start + BLOCK)
            found[rows] = self._block(np.ascontiguousarray(inputs[rows].T))
        return found

    def _block(self, columns: Inputs) -> Floats:
        people = columns.shape[1]
        answers = np.empty((len(self.questions), people), dtype=np.uint16)
        for at, question in enumerate(self.questions):
            answers[at] = question.asked_of(columns[question.place])
        total = np.zeros(people)
        number, bit = np.empty((2, people), dtype=np.uint16)
        for tree in self.trees:
            number[:] = 0
            for at, question_at in enumerate(tree.questions):
                np.left_shift(answers[question_at], at, out=bit)
                np.bitwise_or(number, bit, out=number)
            # In the order of the trees: sums of floats depend on it.
            total += tree.values.take(tree.leaf_of.take(number))
        return total


@lru_cache(maxsize=16)
def forest(text: str) -> Forest | None:
    """Return the trees of a LightGBM model's text; None if they are of another kind.

    Another kind are splits by category, zero as a missing value, and trees of more
    leaves than a table holds.
    """
    asked: dict[Question, int] = {}
    trees = []
    for split in _trees(text):
        kinds = split["decision_type"].astype(int)
        if len(kinds) > MOST_QUESTIONS or (kinds & CATEGORICAL).any():
            return None
        if ((kinds & MISSING) == ZERO).any():
            return None
        questions = []
        for place, threshold, kind in zip(
            split["split_feature"].astype(int), split["threshold"], kinds, strict=True
        ):
            # Where NaN was never seen, LightGBM reads it as nothing.
            left = kind & UNKNOWN_GOES_LEFT if kind & NAN else threshold >= 0
            question = Question(int(place), _no_more_than(threshold), not left)
            questions.append(asked.setdefault(question, len(asked)))
        left_to, right_to = (
            split[side].astype(int) for side in ("left_child", "right_child")
        )
        leaf_of = _leaves(left_to, right_to)
        trees.append(Tree(tuple(questions), leaf_of, split["leaf_value"]))
    return Forest(tuple(asked), tuple(trees))


def _trees(text: str) -> Iterator[dict[str, Floats]]:
    """Yield what the text says of each tree; one of a single leaf asks nothing."""
    for block in text.split("\nTree=")[1:]:
        lines = block.split("\n\n", 1)[0].splitlines()
        told = dict(line.split("=", 1) for line in lines if "=" in line)
        yield {
            name: np.array(told.get(name, "").split(), dtype=np.float64)
            for name in (
                *("split_feature", "threshold", "decision_type"),
                *("left_child", "right_child", "leaf_value"),
            )
        }


def _leaves(left: NDArray[np.int_], right: NDArray[np.int_]) -> NDArray[np.uint8]:
    """Return the leaf of every number that a tree's answers can make.

    Bit n is set where question n was answered yes, which leads to the right. A child
    below zero is a leaf: -1 the first, -2 the second.
    """
    numbers = np.arange(1 << len(left))

    def below(child: int) -> NDArray[np.uint8]:
        if child < 0:
            return np.full(len(numbers), ~child, dtype=np.uint8)
        yes = (numbers >> child & 1).astype(bool)
        return np.where(yes, below(right[child]), below(left[child]))

    return below(0) if len(left) else np.zeros(1, dtype=np.uint8)


def _no_more_than(threshold: float) -> np.float32:
    """Return the greatest single-precision number that is not above a threshold.

    Inputs are in single precision: they lie above the one where above the other.
    """
    near = np.float32(threshold)
    return near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf))
