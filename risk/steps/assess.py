"""Try a trained model on a later date, beside a plain one and the simplest one."""

from typing import Any

import numpy as np
import polars as pl

from risk.specs import ModelSpec
from risk.steps.competing import incidence
from risk.steps.evaluate import LEAST_TO_RANK, evaluate
from risk.steps.linear import linear
from risk.steps.matrix import Floats, Inputs, matrix
from risk.steps.outcome import AMOUNT, DIED, DIED_DAYS, HAPPENED, HAPPENED_DAYS
from risk.steps.predict import importance, risks
from risk.steps.train import TREATED, Trained, untreated

MAIN = "boosted trees"
LEVEL = (0.9, 1.1)
# A plain regression of a hundred weights is as good from so many rows as from all.
MOST_LINEAR = 100_000


def assess(
    trained: Trained, learnt: pl.DataFrame, later: pl.DataFrame, spec: ModelSpec
) -> dict[str, Any]:
    """Return the figures of the model card, as JSON.

    `learnt` are the rows the model was trained on, `later` those of the test date,
    both as `gather` makes them. "logistic" has the same inputs in a plain logistic
    regression, "reference" only age, sex and deprivation; both learn from the same
    rows. `level_holds` says whether observed over expected lies within 0.9 and 1.1
    for everybody and in each deprivation fifth. Of groups with too few outcomes to
    judge, only that they exist is kept. People whom a programme has taken on are
    counted and left out.
    """
    treated = int(later[TREATED].sum()) if TREATED in later.columns else 0
    learnt, later = untreated(learnt), untreated(later)
    foretold = risks(later, trained, spec)
    common = {
        "main": MAIN,
        "tested_on": later["index_on"][0].isoformat(),
        "died_without": int((later[DIED] & ~later[HAPPENED]).sum()),
        "treated_left_out": treated,
        "importance": importance(later, trained, spec),
        "watch": watched(later, foretold, spec),
    }
    if spec.outcome.is_amount:
        return common | amounts(later, foretold)
    told = {MAIN: foretold} | rivals(learnt, later, spec)
    figures = evaluate(
        later[HAPPENED].to_numpy(), told, later.select(spec.audit_by), main=MAIN
    )
    levels = [
        figures["models"][MAIN],
        *(f for v, f in figures["groups"]["imd_fifth"].items() if v != "Not known"),
    ]
    figures["groups"] = {
        name: judged(groups) for name, groups in figures["groups"].items()
    }
    figures["by_age"] = judged(figures["by_age"])
    return (
        figures
        | common
        | {
            "competing": incidence(
                later[HAPPENED_DAYS], later[DIED_DAYS], spec.outcome.horizon_days
            ),
            "level_holds": all(
                LEVEL[0] <= (level["observed_over_expected"] or 0) <= LEVEL[1]
                for level in levels
            ),
        }
    )


def judged(groups: dict[str, Any]) -> dict[str, Any]:
    """Return the groups' figures; of those with too few outcomes, that there are."""
    return {
        value: found if found["observed"] >= LEAST_TO_RANK else {"too_few": True}
        for value, found in groups.items()
    }


def rivals(
    learnt: pl.DataFrame, later: pl.DataFrame, spec: ModelSpec
) -> dict[str, Floats]:
    """Return what the two plainer models foretell for the rows of `later`."""
    simplest = [entry for entry in spec.inputs if entry.feature in spec.reference]
    some = learnt.gather_every(max(1, -(-learnt.height // MOST_LINEAR)))
    told = {}
    for name, inputs in (("logistic", spec.inputs), ("reference", simplest)):
        fitted = linear(matrix(some, inputs), some[HAPPENED].to_numpy())
        told[name] = fitted.probabilities(matrix(later, inputs))
    return told


def amounts(later: pl.DataFrame, foretold: Floats) -> dict[str, Any]:
    """Return the figures of a model of an amount: level, share explained, by fifth."""
    spent = later[AMOUNT].to_numpy()
    order = np.argsort(foretold, kind="stable")
    top = order[-max(len(order) // 20, 1) :]
    return {
        "people": later.height,
        "outcomes": int((spent > 0).sum()),
        "observed_over_expected": float(spent.sum() / max(foretold.sum(), 1e-9)),
        "mean_absolute_error_gbp": float(np.abs(spent - foretold).mean()),
        "variance_explained": float(
            1 - ((spent - foretold) ** 2).sum() / ((spent - spent.mean()) ** 2).sum()
        ),
        "top_20th_of_cost": float(spent[top].sum() / max(spent.sum(), 1e-9)),
        "calibration_curve": [
            {
                "people": len(part),
                "foretold": float(foretold[part].mean()),
                "observed": float(spent[part].mean()),
            }
            for part in np.array_split(order, 10)
            if len(part)
        ],
    }


def watched(later: pl.DataFrame, foretold: Floats, spec: ModelSpec) -> dict[str, Any]:
    """Return what later releases are held against: tenths of the figure, and of each
    input how often it is known and, of a number, its tenths. `having` is the share of
    those with any of it: a count above nothing, a flag that is set."""
    inputs = matrix(later, spec.inputs)
    tenths = np.linspace(0.1, 0.9, 9)
    known, having, cuts, held = {}, {}, {}, {}
    for place, entry in enumerate(spec.inputs):
        values = inputs[:, place]
        values = values[~np.isnan(values)]
        known[entry.feature] = round(len(values) / max(len(inputs), 1), 6)
        if entry.kind != "category":
            having[entry.feature] = share_having(values)
        if entry.kind == "number" and len(values):
            edges = np.unique(np.quantile(values, tenths).round(4)).tolist()
            cuts[entry.feature] = edges
            held[entry.feature] = shares(values, edges)
    edges = np.unique(np.quantile(foretold, tenths).round(6)).tolist()
    return {
        "cuts": edges,
        "shares": shares(foretold, edges),
        "mean": float(foretold.mean()),
        "known": known,
        "having": having,
        "input_cuts": cuts,
        "input_shares": held,
    }


def share_having(known: Floats | Inputs) -> float:
    """Return the share of the known values of an input that are not nothing."""
    return round(float((known != 0).sum()) / max(len(known), 1), 6)


def shares(values: Floats | Inputs, cuts: list[float]) -> list[float]:
    """Return the share of values below, between and above ascending cuts."""
    place = np.searchsorted(np.array(cuts), values, side="right")
    counted = np.bincount(place, minlength=len(cuts) + 1)
    return [round(float(n) / max(len(values), 1), 6) for n in counted]
