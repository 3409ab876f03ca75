"""Try a trained model on a later date, beside a plain one and the simplest one."""

from typing import Any

import polars as pl

from risk.specs import ModelSpec
from risk.steps.evaluate import LEAST_TO_RANK, evaluate
from risk.steps.linear import linear
from risk.steps.matrix import matrix
from risk.steps.outcome import DIED, HAPPENED
from risk.steps.predict import risks
from risk.steps.train import Trained

MAIN = "boosted trees"
LEVEL = (0.9, 1.1)


def assess(
    trained: Trained, learnt: pl.DataFrame, later: pl.DataFrame, spec: ModelSpec
) -> dict[str, Any]:
    """Return the figures of the model card, as JSON.

    `learnt` are the rows the model was trained on, `later` those of the test date,
    both as `gather` makes them. "logistic" has the same inputs in a plain logistic
    regression, "reference" only age, sex and deprivation; both learn from the same
    rows. `level_holds` says whether observed over expected lies within 0.9 and 1.1
    for everybody and in each deprivation fifth. Of groups with too few outcomes to
    judge, only that they exist is kept.
    """
    happened = later[HAPPENED].to_numpy()
    simplest = [entry for entry in spec.inputs if entry.feature in spec.reference]
    told = {MAIN: risks(later, trained, spec)}
    for name, inputs in (("logistic", spec.inputs), ("reference", simplest)):
        fitted = linear(matrix(learnt, inputs), learnt[HAPPENED].to_numpy())
        told[name] = fitted.probabilities(matrix(later, inputs))
    figures = evaluate(happened, told, later.select(spec.audit_by), main=MAIN)
    levels = [
        figures["models"][MAIN],
        *(f for v, f in figures["groups"]["imd_fifth"].items() if v != "Not known"),
    ]
    dated = later["index_on"][0]
    figures["groups"] = {
        name: {
            value: found if found["observed"] >= LEAST_TO_RANK else {"too_few": True}
            for value, found in groups.items()
        }
        for name, groups in figures["groups"].items()
    }
    return figures | {
        "main": MAIN,
        "tested_on": dated.isoformat(),
        "died_without": int((later[DIED] & ~later[HAPPENED]).sum()),
        "level_holds": all(
            LEVEL[0] <= (level["observed_over_expected"] or 0) <= LEVEL[1]
            for level in levels
        ),
    }
