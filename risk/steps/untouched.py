"""What would have come of people had no programme taken them on.

A model that learnt from a programme's successes would stop finding the people whom the
programme helps, and one that left them out would choose people by what came after the
index date: whoever is taken on has lived and stayed well until then. So people under
an intervention on the index date, which is known on that day, are counted apart; and
of those who are taken on within the horizon, what comes afterwards is that of somebody
like them whom nobody had taken on by then: of the same tenth by risk, and well so far.
Where who is taken on rests on what the risk stands on, that gives the same answer on
average as weighing by the chance of being followed (risk set imputation; Taylor et al.,
Biostatistics 2002;3:39-58, there many times over).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from risk.steps.matrix import Floats, scatter
from risk.steps.outcome import AMOUNT, DIED, DIED_DAYS, HAPPENED, HAPPENED_DAYS

TREATED = "treated"
TAKEN_ON_DAYS = "taken_on_days"
LIKE = 10
# What is a stand-in's own and nothing that was known at the index date.
CAME = (HAPPENED, HAPPENED_DAYS, DIED, DIED_DAYS, AMOUNT)
Places = NDArray[np.int64]


def untreated(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of people under no intervention on the index date."""
    return rows.filter(~pl.col(TREATED)) if TREATED in rows.columns else rows


def taken_on(rows: pl.DataFrame) -> int:
    """Return how many were taken on within the horizon, before any outcome."""
    return rows[TAKEN_ON_DAYS].count() if TAKEN_ON_DAYS in rows.columns else 0


def as_untouched(
    rows: pl.DataFrame, risk: Floats, seed: int, *, is_amount: bool = False
) -> pl.DataFrame:
    """Return `rows` with what came of those taken on replaced by that of stand-ins.

    `risk`: of each row, in whatever unit; stand-ins are of its tenth, or of all where
    the tenth has none. The same rows and seed choose the same, in whatever order they
    come. All else of a row stays its own. Who has no stand-in at all stays as is.
    """
    if not taken_on(rows):
        return rows
    days = rows[TAKEN_ON_DAYS].fill_null(-1).to_numpy().astype(np.int64)
    # A model of an amount follows people until they die, others to the outcome too.
    ends = (TAKEN_ON_DAYS, DIED_DAYS, *(() if is_amount else (HAPPENED_DAYS,)))
    far = np.iinfo(np.int64).max
    open_until = np.min(
        [rows[name].cast(pl.Int64).fill_null(far).to_numpy() for name in ends], axis=0
    )
    draw = scatter(rows["person_no"], seed + 1)
    by_date = rows["index_on"].rank("dense").to_numpy().astype(np.uint64)
    draw = draw ^ (by_date * np.uint64(0x9E3779B97F4A7C15))
    tenth = np.searchsorted(np.quantile(risk, np.arange(1, LIKE) / LIKE), risk)
    everybody = np.arange(rows.height)
    of_tenth = [_followed(everybody[tenth == t], open_until, draw) for t in range(LIKE)]
    anybody = _followed(everybody, open_until, draw)
    chosen = everybody.copy()
    taken = np.flatnonzero(days >= 0)
    # The last taken on first: they stand in for who was before them, and what came of
    # them is by then that of their own stand-in. To pass them over would leave too many
    # of those who fell ill.
    for row in taken[np.argsort(-days[taken], kind="stable")]:
        for group, until in (of_tenth[tenth[row]], anybody):
            # Longest followed first: who is open still on that day stands in front.
            several = len(until) - int(np.searchsorted(until[::-1], days[row], "right"))
            if several:
                chosen[row] = chosen[group[int(draw[row] % np.uint64(several))]]
                break
    came = [name for name in CAME if name in rows.columns]
    return rows.with_columns(rows.select(came)[chosen])


def _followed(
    rows: Places, open_until: Places, draw: NDArray[np.uint64]
) -> tuple[Places, Places]:
    """Return places of rows and until when each is open, the longest first."""
    order = rows[np.lexsort((draw[rows], -open_until[rows]))]
    return order, open_until[order]
