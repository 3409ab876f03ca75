"""Try a trained model on a later date, beside a plain one and the simplest one."""

from typing import Any

import numpy as np
import polars as pl

from risk.specs import ModelSpec
from risk.steps.amounts import amounts, ratio
from risk.steps.competing import incidence
from risk.steps.evaluate import LEAST_TO_RANK, evaluate, level
from risk.steps.linear import linear, log_linear
from risk.steps.matrix import Floats, Inputs, matrix
from risk.steps.outcome import AMOUNT, DIED, DIED_DAYS, HAPPENED, HAPPENED_DAYS
from risk.steps.predict import importance, risks
from risk.steps.train import MOST_LINEAR, Trained, as_learnt
from risk.steps.untouched import TREATED, as_untouched, taken_on, untreated

MAIN = "boosted trees"
LOGISTIC, LOG_LINEAR, REFERENCE = "logistic", "log-linear", "reference"
LEVEL = (0.9, 1.1)


def assess(
    trained: Trained, learnt: pl.DataFrame, later: pl.DataFrame, spec: ModelSpec
) -> dict[str, Any]:
    """Return the figures of the model card, as JSON.

    `learnt` are the rows the model was trained on, `later` those of the test date,
    both as `rows_of` makes them. "logistic" has the same inputs in a plain logistic
    regression ("log-linear" of an amount, whose figures are in pounds), "reference"
    only age, sex and deprivation; both learn from the same rows. `level_holds` says
    whether observed over expected lies within 0.9 and 1.1 for everybody and in each
    deprivation fifth. Of groups with too few outcomes to judge, only that they exist
    is kept. People under an intervention on the index date stand apart
    (`under_intervention`: their number, and what came of them beside what was foretold
    of them without one); of those whom a programme took on within the horizon
    (`taken_on_later`), what came of others like them counts.
    """
    marked = under_intervention(later, trained, spec)
    taken_on_later = taken_on(untreated(later))
    learnt = untreated(learnt)
    learnt = as_learnt(learnt, matrix(learnt, spec.inputs), spec)
    later, foretold = judged_rows(later, trained, spec)
    common = {
        "main": MAIN,
        "tested_on": later["index_on"][0].isoformat(),
        "died_without": int((later[DIED] & ~later[HAPPENED]).sum()),
        "treated_left_out": marked["people"],
        "under_intervention": marked,
        "taken_on_later": taken_on_later,
        "importance": importance(later, trained, spec),
        "watch": watched(later, foretold, spec),
    }
    told = {MAIN: foretold} | rivals(learnt, later, spec)
    if spec.outcome.is_amount:
        spent = later[AMOUNT].to_numpy()
        return common | amounts(spent, told, later.select(spec.audit_by), main=MAIN)
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


def judged_rows(
    later: pl.DataFrame, trained: Trained, spec: ModelSpec
) -> tuple[pl.DataFrame, Floats]:
    """Return the rows that a model may be judged by, and what it foretells of each.

    Of people under no intervention on the index date, as if none had been taken on.
    """
    later = untreated(later)
    foretold = risks(later, trained, spec)
    seed, is_amount = spec.training.seed, spec.outcome.is_amount
    return as_untouched(later, foretold, seed, is_amount=is_amount), foretold


def under_intervention(
    later: pl.DataFrame, trained: Trained, spec: ModelSpec
) -> dict[str, Any]:
    """Return how many were under an intervention on the index date, and how what came
    of them lies to what is foretold of people without one; of few, only how many."""
    if TREATED not in later.columns:
        return {"people": 0}
    marked = later.filter(pl.col(TREATED))
    if int(marked[HAPPENED].sum()) < LEAST_TO_RANK:
        return {"people": marked.height}
    foretold = risks(marked, trained, spec)
    if spec.outcome.is_amount:
        return {"people": marked.height} | ratio(marked[AMOUNT].to_numpy(), foretold)
    return level(marked[HAPPENED].to_numpy(), foretold)


def judged(groups: dict[str, Any]) -> dict[str, Any]:
    """Return the groups' figures; of those with too few outcomes, that there are."""
    return {
        value: found if found["observed"] >= LEAST_TO_RANK else {"too_few": True}
        for value, found in groups.items()
    }


def rivals(
    learnt: pl.DataFrame, later: pl.DataFrame, spec: ModelSpec
) -> dict[str, Floats]:
    """Return what the two plainer models foretell for the rows of `later`: of a
    chance a logistic regression, of an amount a log-linear one."""
    simplest = [entry for entry in spec.inputs if entry.feature in spec.reference]
    some = learnt.gather_every(max(1, -(-learnt.height // MOST_LINEAR)))
    told = {}
    plain_name = LOG_LINEAR if spec.outcome.is_amount else LOGISTIC
    for name, inputs in ((plain_name, spec.inputs), (REFERENCE, simplest)):
        seen, after = matrix(some, inputs), matrix(later, inputs)
        if spec.outcome.is_amount:
            plain = log_linear(seen, some[AMOUNT].to_numpy())
            told[name] = plain.amounts(after)
        else:
            told[name] = linear(seen, some[HAPPENED].to_numpy()).probabilities(after)
    return told


def watched(later: pl.DataFrame, foretold: Floats, spec: ModelSpec) -> dict[str, Any]:
    """Return what later releases are held against: tenths of the figure, and of each
    input how often it is known and how it is spread: a number over its tenths, a
    category over its values. `having` is the share of those with any of it: a count
    above nothing, a flag that is set."""
    inputs = matrix(later, spec.inputs)
    tenths = np.linspace(0.1, 0.9, 9)
    known, having, cuts, held = {}, {}, {}, {}
    for place, entry in enumerate(spec.inputs):
        values = inputs[:, place]
        values = values[~np.isnan(values)]
        known[entry.feature] = round(len(values) / max(len(inputs), 1), 6)
        if entry.kind != "category":
            having[entry.feature] = share_having(values)
        if not len(values):
            continue
        edges = [at + 0.5 for at in range(max(len(entry.values) - 1, 1))]
        if entry.kind == "number":
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
