"""Train a model on people as they were at past dates, and set its level."""

import json
import zlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

from risk.specs import ModelSpec
from risk.steps.boosting import THREADS, boosting
from risk.steps.matrix import Flags, Floats, matrix, probability, scatter
from risk.steps.outcome import HAPPENED

OUTCOMES_PER_FOLD = 10


@dataclass(frozen=True)
class Trained:
    """A trained model: trees as text, the line that sets the level, the bands.

    The calibrated log-odds are `intercept + slope * raw`. `cuts` are the lowest
    probabilities of each band but the last, highest band first.
    """

    trees: str
    intercept: float
    slope: float
    cuts: tuple[float, ...]
    rounds: int
    inputs: tuple[str, ...]

    def probabilities(self, raw: Floats) -> Floats:
        """Return the calibrated probability of the trees' log-odds."""
        return probability(self.intercept + self.slope * raw)

    def to_bytes(self) -> bytes:
        return zlib.compress(json.dumps(asdict(self)).encode(), 6)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Trained":
        kept = json.loads(zlib.decompress(data))
        kept["cuts"], kept["inputs"] = tuple(kept["cuts"]), tuple(kept["inputs"])
        return cls(**kept)


def train(rows: pl.DataFrame, spec: ModelSpec) -> Trained:
    """Train on `rows`: `person_no`, the inputs and `outcome`, one row per person and
    index date. The same rows, definition and seed give the same model.

    Each fold's people are foretold by trees that never saw them. Those foretellings
    set the number of trees (median of the folds), the level (Platt's line on the
    log-odds) and the cut points of the bands. ValueError where too few had the
    outcome for any of that to mean something.
    """
    # Training sees rows in one order, however the shards came in.
    rows = rows.sort("person_no", "index_on")
    inputs = matrix(rows, spec.inputs)
    happened: Flags = rows[HAPPENED].to_numpy()
    if not enough(rows, spec):
        raise ValueError(f"too few of {rows.height} rows have the outcome")
    folds = scatter(rows["person_no"], spec.training.seed) % np.uint64(
        spec.training.folds
    )
    held_out = np.empty(rows.height)
    rounds = []
    for fold in range(spec.training.folds):
        out = folds == fold
        trees = _grow(inputs[~out], happened[~out], spec, inputs[out], happened[out])
        held_out[out] = trees.predict(inputs[out], raw_score=True, num_threads=THREADS)
        rounds.append(trees.best_iteration)
    level = LogisticRegression(C=np.inf).fit(held_out[:, None], happened)
    slope, intercept = float(level.coef_[0, 0]), float(level.intercept_[0])
    final = _grow(inputs, happened, spec, rounds=int(np.median(rounds)))
    return Trained(
        trees=final.model_to_string(),
        intercept=intercept,
        slope=slope,
        cuts=cut_points(probability(intercept + slope * held_out), spec),
        rounds=int(np.median(rounds)),
        inputs=tuple(entry.feature for entry in spec.inputs),
    )


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


def _grow(
    inputs: Floats,
    happened: Flags,
    spec: ModelSpec,
    tried: Floats | None = None,
    truth: Flags | None = None,
    rounds: int | None = None,
) -> Any:
    """Grow trees for `rounds`, or until they stop helping those who are `tried`."""
    lightgbm = boosting()
    shape = spec.trees
    settings = {
        "objective": "binary",
        "learning_rate": shape.learning_rate,
        "num_leaves": shape.leaves,
        "min_data_in_leaf": shape.least_in_leaf,
        "feature_fraction": shape.feature_share,
        "lambda_l2": shape.ridge,
        "seed": spec.training.seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
        "num_threads": THREADS,
    }
    names = [entry.feature for entry in spec.inputs]
    seen = lightgbm.Dataset(inputs, happened, feature_name=names, params=settings)
    if tried is None:
        return lightgbm.train(settings, seen, num_boost_round=rounds)
    return lightgbm.train(
        settings,
        seen,
        num_boost_round=shape.most_rounds,
        valid_sets=[lightgbm.Dataset(tried, truth, reference=seen)],
        callbacks=[lightgbm.early_stopping(shape.patience, verbose=False)],
    )
