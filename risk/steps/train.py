"""Train a model on people as they were at past dates, and set its level."""

import json
import re
import zlib
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

from risk.specs import ModelSpec
from risk.steps.boosting import THREADS, TRAINING_THREADS, boosting
from risk.steps.linear import linear
from risk.steps.matrix import Flags, Floats, Inputs, matrix, probability, scatter
from risk.steps.outcome import AMOUNT, HAPPENED
from risk.steps.untouched import as_untouched, taken_on, untreated

OUTCOMES_PER_FOLD = 10
# Of very many rows an eighth is enough to set the rounds and the level.
PARTS_OF_MANY = 8
# A plain regression of a hundred weights is as good from so many rows as from all.
MOST_LINEAR = 100_000
THREADS_USED = re.compile(r"^\[num_threads: \d+\]\n", re.MULTILINE)


@dataclass(frozen=True)
class Amount:
    """The second part of an amount: trees of its logarithm, and the level of it."""

    trees: str
    level: float


@dataclass(frozen=True)
class Trained:
    """A trained model: trees as text, the line that sets the level, the bands.

    The calibrated log-odds are `intercept + slope * raw`. `cuts` are the lowest
    probabilities (or amounts) of each band but the last, highest band first. A model
    of an amount has a second part: what is foretold is the chance of any, times how
    much it then is.
    """

    trees: str
    intercept: float
    slope: float
    cuts: tuple[float, ...]
    rounds: int
    inputs: tuple[str, ...]
    amount: Amount | None = None

    def probabilities(self, raw: Floats) -> Floats:
        """Return the calibrated probability of the trees' log-odds."""
        return probability(self.intercept + self.slope * raw)

    def values(self, raw: Floats, inputs: Inputs) -> Floats:
        """Return what is foretold: the probability, or the amount in pounds."""
        chance = self.probabilities(raw)
        if self.amount is None or not len(raw):
            return chance
        trees = boosting().Booster(model_str=self.amount.trees)
        log = trees.predict(inputs, raw_score=True, num_threads=THREADS)
        found: Floats = chance * self.amount.level * np.exp(log)
        return found

    def to_bytes(self) -> bytes:
        return zlib.compress(json.dumps(asdict(self)).encode(), 6)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Trained":
        kept = json.loads(zlib.decompress(data))
        kept["cuts"], kept["inputs"] = tuple(kept["cuts"]), tuple(kept["inputs"])
        if kept["amount"]:
            kept["amount"] = Amount(**kept["amount"])
        return cls(**kept)


def train(
    rows: pl.DataFrame, spec: ModelSpec, *, threads: int = TRAINING_THREADS
) -> Trained:
    """Train on `rows`: `person_no`, the inputs and `outcome`, one row per person and
    index date. The same rows, definition and seed give the same model, on however
    many threads.

    People under an intervention on the index date are no part of it; of those taken
    on later, it learns what came of others like them. Each fold's people are foretold
    by trees that never saw them. Those foretellings set the number of trees (median of
    the folds), the level (Platt's line on the log-odds) and the bands' cut points.
    Of very many rows one fold is held out, and its trees are the model. ValueError
    where too few had the outcome for any of that to mean something.
    """
    # Training sees rows in one order, however the shards came in.
    rows = untreated(rows).sort("person_no", "index_on")
    if not enough(rows, spec):
        raise ValueError(f"too few of {rows.height} rows have the outcome")
    inputs = matrix(rows, spec.inputs)
    rows = as_learnt(rows, inputs, spec)
    happened: Flags = rows[HAPPENED].to_numpy()
    bins = binned(inputs, happened, spec, threads=threads)
    many = folds_of(rows.height, spec) == 1
    parts = PARTS_OF_MANY if many else spec.training.folds
    folds = scatter(rows["person_no"], spec.training.seed) % np.uint64(parts)
    tried = [0] if many else list(range(parts))
    held_out = np.full(rows.height, np.nan)
    rounds = []
    for fold in tried:
        out = folds == fold
        trees = grow(part(bins, ~out), spec, tried=part(bins, out), threads=threads)
        held_out[out] = trees.predict(inputs[out], raw_score=True, num_threads=THREADS)
        rounds.append(trees.best_iteration)
    seen = ~np.isnan(held_out)
    intercept, slope = set_level(held_out[seen], happened[seen])
    if not many:
        trees = grow(bins, spec, rounds=int(np.median(rounds)), threads=threads)
    found = Trained(
        trees=as_text(trees, int(np.median(rounds))),
        intercept=intercept,
        slope=slope,
        cuts=(),
        rounds=int(np.median(rounds)),
        inputs=tuple(entry.feature for entry in spec.inputs),
    )
    if spec.outcome.is_amount:
        amounts = rows[AMOUNT].to_numpy()
        amount = how_much(bins, inputs, amounts, found.rounds, spec, threads)
        found = replace(found, amount=amount)
        value = found.values(held_out[seen], inputs[seen])
    else:
        value = found.probabilities(held_out[seen])
    return replace(found, cuts=cut_points(value, spec))


def set_level(raw: Floats, happened: Flags) -> tuple[float, float]:
    """Return the intercept and slope of Platt's line on the trees' log-odds."""
    line = LogisticRegression(C=np.inf).fit(raw[:, None], happened)
    return float(line.intercept_[0]), float(line.coef_[0, 0])


def as_learnt(rows: pl.DataFrame, inputs: Inputs, spec: ModelSpec) -> pl.DataFrame:
    """Return rows as if nobody had been taken on, by a plain regression's risk."""
    if not taken_on(rows):
        return rows
    every = max(1, -(-rows.height // MOST_LINEAR))
    plain = linear(inputs[::every], rows[HAPPENED].to_numpy()[::every])
    return as_untouched(
        rows,
        plain.probabilities(inputs),
        spec.training.seed,
        is_amount=spec.outcome.is_amount,
    )


def folds_of(rows: int, spec: ModelSpec) -> int:
    """Return how many folds set the level and the trees of so many rows."""
    return 1 if rows >= spec.training.one_fold_from else spec.training.folds


def how_much(
    bins: Any,
    inputs: Inputs,
    amounts: Floats,
    rounds: int,
    spec: ModelSpec,
    threads: int,
) -> Amount:
    """Fit the second part: how much, for those with any (gamma, logarithmic link).

    `level` makes the amounts foretold for them add up to those that they had.
    """
    some = amounts > 0
    paid = part(bins, some).construct().set_label(amounts[some])
    trees = grow(paid, spec, rounds=rounds, objective="gamma", threads=threads)
    told = np.exp(trees.predict(inputs[some], raw_score=True, num_threads=THREADS))
    return Amount(as_text(trees, rounds), float(amounts[some].sum() / told.sum()))


def as_text(trees: Any, rounds: int) -> str:
    """Return the trees as text, without how many threads happened to grow them."""
    text: str = trees.model_to_string(num_iteration=rounds)
    return THREADS_USED.sub("", text)


def enough(rows: pl.DataFrame, spec: ModelSpec) -> bool:
    """Return whether so many had the outcome that training on them means something.

    Ten outcomes per fold is the least that a level can be set by; a model worth
    using needs thousands, which the model card's intervals will say.
    """
    return int(rows[HAPPENED].sum()) >= OUTCOMES_PER_FOLD * spec.training.folds


def cut_points(risks: Floats, spec: ModelSpec) -> tuple[float, ...]:
    """Return the lowest probability of each band but the last."""
    shares = [band.top_share for band in spec.bands[:-1]]
    return tuple(float(np.quantile(risks, 1 - share)) for share in shares)


def binned(
    inputs: Inputs, happened: Flags, spec: ModelSpec, *, threads: int = TRAINING_THREADS
) -> Any:
    """Return the inputs cut into bins, once for all folds and settings to learn from.

    Where a bin ends is told by inputs alone, never by an outcome.
    """
    return (
        boosting()
        .Dataset(
            inputs,
            happened,
            feature_name=[entry.feature for entry in spec.inputs],
            params=_settings(spec, threads),
        )
        .construct()
    )


def part(bins: Any, rows: Flags) -> Any:
    """Return some of the rows of `binned`, in its bins."""
    return bins.subset(np.flatnonzero(rows))


def grow(
    seen: Any,
    spec: ModelSpec,
    *,
    tried: Any = None,
    rounds: int | None = None,
    objective: str = "binary",
    threads: int = TRAINING_THREADS,
) -> Any:
    """Grow trees on rows of `binned` for `rounds`, or until they stop helping those
    who are `tried`."""
    lightgbm = boosting()
    shape = spec.trees
    settings = _settings(spec, threads) | {"objective": objective}
    people = seen.construct().num_data()
    if people > shape.rows_a_tree:
        share = shape.rows_a_tree / people
        # Drawn anew for every tenth tree: drawing costs what a tree saves.
        settings |= {"bagging_fraction": share, "bagging_freq": 10}
    if tried is None:
        return lightgbm.train(settings, seen, num_boost_round=rounds)
    return lightgbm.train(
        settings,
        seen,
        num_boost_round=shape.most_rounds,
        valid_sets=[tried],
        callbacks=[lightgbm.early_stopping(shape.patience, verbose=False)],
    )


def _settings(spec: ModelSpec, threads: int) -> dict[str, object]:
    shape = spec.trees
    return {
        "learning_rate": shape.learning_rate,
        "num_leaves": shape.leaves,
        "min_data_in_leaf": shape.least_in_leaf,
        # Bins are shared with settings that need fewer people in a leaf.
        "feature_pre_filter": False,
        "feature_fraction": shape.feature_share,
        "lambda_l2": shape.ridge,
        "max_bin": shape.bins,
        "seed": spec.training.seed,
        "deterministic": True,
        # By rows, the inputs of each tree would be copied out of all others first.
        "force_col_wise": True,
        "verbose": -1,
        "num_threads": threads,
    }
