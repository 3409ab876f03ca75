"""How many have the outcome in time when death may come first."""

from typing import Any

import numpy as np
import polars as pl


def incidence(
    outcome_days: pl.Series, died_days: pl.Series, horizon_days: int
) -> dict[str, Any]:
    """Return the share with the outcome by the horizon, reckoned in two ways.

    `outcome_days` and `died_days`: days after the index date, null where it did not
    happen in the horizon; nobody is lost sight of. `aalen_johansen` counts what
    happens with death competing; `naive` is one minus Kaplan-Meier with the dead
    taken for lost, which is the chance in a world where nobody dies, and is higher.
    """
    far = horizon_days + 1
    event = outcome_days.fill_null(far).to_numpy().astype(np.int64)
    death = died_days.fill_null(far).to_numpy().astype(np.int64)
    # A death on the day of the outcome comes after it.
    happened = event <= death
    first = np.minimum(np.minimum(event, death), far)
    days = np.arange(far + 1)
    events = np.bincount(first[happened & (event < far)], minlength=far + 1)
    deaths = np.bincount(first[~happened & (death < far)], minlength=far + 1)
    at_risk = len(first) - np.concatenate([[0], (events + deaths).cumsum()[:-1]])
    at_risk = np.maximum(at_risk, 1)
    stays = np.cumprod(1 - (events + deaths) / at_risk)
    before = np.concatenate([[1.0], stays[:-1]])
    inside = days <= horizon_days
    return {
        "aalen_johansen": round(float((before * events / at_risk)[inside].sum()), 6),
        "naive": round(float(1 - np.cumprod(1 - events / at_risk)[horizon_days]), 6),
        "died_first": round(float((before * deaths / at_risk)[inside].sum()), 6),
    }
