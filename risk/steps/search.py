"""Search the settings of the trees by time: learn from one date, judge on a later."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl
from sklearn.metrics import log_loss, roc_auc_score

from risk.specs import ModelSpec, TreesSpec
from risk.steps.boosting import THREADS
from risk.steps.matrix import matrix, probability, scatter
from risk.steps.outcome import HAPPENED
from risk.steps.train import as_learnt, binned, grow, part
from risk.steps.untouched import untreated

LEAVES = (7, 15, 31)
RATES = (0.05, 0.1)
LEAST_IN_LEAF = (60, 200)
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Tried:
    """One setting: how it did on the later date, and after how many rounds."""

    trees: TreesSpec
    log_loss: float
    auroc: float
    rounds: int


def candidates(spec: ModelSpec) -> list[TreesSpec]:
    """Return the settings to try, the definition's own first."""
    made = [
        spec.trees.model_copy(
            update={"leaves": leaves, "learning_rate": rate, "least_in_leaf": least}
        )
        for leaves, rate, least in product(LEAVES, RATES, LEAST_IN_LEAF)
    ]
    return [spec.trees, *(each for each in made if each != spec.trees)]


def search(
    earlier: pl.DataFrame,
    later: pl.DataFrame,
    spec: ModelSpec,
    tried: Sequence[TreesSpec],
    done: Told = lambda done, total: None,
) -> list[Tried]:
    """Return every setting tried, the best (least log loss on `later`) first.

    The number of rounds is set on a fold of `earlier`; nothing of `later` is learnt
    from, so the choice is not made by the date that the model card is about.
    """
    found = []
    for number, each in enumerate(_judged(earlier, later, spec, tried), start=1):
        found.append(each)
        done(number, len(tried))
    return sorted(found, key=lambda each: (each.log_loss, each.rounds))


def _judged(
    earlier: pl.DataFrame,
    later: pl.DataFrame,
    spec: ModelSpec,
    tried: Sequence[TreesSpec],
) -> Iterator[Tried]:
    learnt = untreated(earlier).sort("person_no", "index_on")
    judged = untreated(later)
    inputs = matrix(learnt, spec.inputs)
    happened = as_learnt(learnt, inputs, spec)[HAPPENED].to_numpy()
    out = scatter(learnt["person_no"], spec.training.seed) % np.uint64(5) == 0
    bins = binned(inputs, happened, spec)
    seen, tested = part(bins, ~out), part(bins, out)
    after, then = matrix(judged, spec.inputs), judged[HAPPENED].to_numpy()
    for trees in tried:
        setting = spec.model_copy(update={"trees": trees})
        grown = grow(seen, setting, tried=tested)
        told = probability(grown.predict(after, raw_score=True, num_threads=THREADS))
        yield Tried(
            trees,
            float(log_loss(then, told)),
            float(roc_auc_score(then, told)),
            int(grown.best_iteration),
        )
