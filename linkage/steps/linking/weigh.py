"""What the levels of a pair weigh, in bits, by the frozen model.

Two engines give the same weights from the same model: `duckdb`, Splink 5 on in-process
DuckDB (`splink_engine.py`), and `frames` here, in NumPy, which starts at once. `auto`
takes the first for many pairs: docs/adr/0009 has the measurements.
"""

from typing import Literal, NamedTuple

import numpy as np

from linkage.steps.linking.compare import NO_CODE, Codes, Levels, levels
from linkage.steps.linking.model import LinkModel
from linkage.steps.linking.prepare import Prepared

Engine = Literal["auto", "frames", "duckdb"]
MANY = 100_000  # pairs from which on `auto` leaves the scoring to DuckDB
Bits = np.ndarray[tuple[int], np.dtype[np.float32]]
Shares = dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]
ROWS_TO_TRUST = 5_000  # rows at which shares count half
DAYS = 1_000_000  # added to days since 1970, so that dates are codes too


class Weighed(NamedTuple):
    """Pairs of rows with, for each field of the model, the level and its bits.

    A field that one of the two does not state has level MISSING and no bits.
    """

    left: Codes
    right: Codes
    levels: dict[str, Levels]
    bits: dict[str, Bits]

    def total(self) -> Bits:
        """The sum of all comparisons, without the prior."""
        whole: Bits = np.sum(list(self.bits.values()), axis=0, dtype=np.float32)
        return whole


def shares(prepared: Prepared, model: LinkModel) -> Shares:
    """How common each value is among the rows: by column, share at the code.

    A short list says little about how common a name is: its shares are drawn towards
    the model's average, the more the shorter it is.
    """
    found: Shares = {}
    for comparison in model.comparisons:
        for level in comparison.levels:
            column = level.counted(comparison.field)
            if column is None:
                continue
            codes = _codes(prepared, column)
            counts = np.bincount(codes[codes != NO_CODE])
            rows = max(1, int(counts.sum()))
            trust = rows / (rows + ROWS_TO_TRUST)
            share = np.maximum(counts, 0.5) / rows
            found[column] = share**trust * level.u ** (1 - trust)
    return found


def weigh(
    prepared: Prepared,
    left: Codes,
    right: Codes,
    model: LinkModel,
    common: Shares | None,
    engine: Engine = "auto",
) -> Weighed:
    """Compare and weigh pairs of rows.

    common: how frequent values are (`shares`); without it every value of a level
    weighs the same.
    """
    if engine == "duckdb" or (engine == "auto" and left.size >= MANY):
        from linkage.steps.linking.splink_engine import weigh_with_splink

        return weigh_with_splink(prepared, left, right, model, common)
    found = levels(prepared, left, right, model)
    bits: dict[str, Bits] = {}
    for comparison in model.comparisons:
        field = comparison.field
        table = np.array([level.bits for level in comparison.levels] + [0.0])
        weight = table[found[field]]  # MISSING, -1, is the last
        for n, level in enumerate(comparison.levels):
            column = level.counted(field)
            if column and common is not None:
                here = found[field] == n
                share = common[column][_codes(prepared, column)[left[here]]]
                weight[here] += np.log2(level.u / np.maximum(share, level.least_share))
        bits[field] = weight.astype(np.float32)
    return Weighed(left, right, found, bits)


def _codes(prepared: Prepared, field: str) -> Codes:
    column = prepared.rows[field]
    if field == "born":
        column = column.cast(int) + DAYS
    return column.cast(int).fill_null(int(NO_CODE)).to_numpy().astype(np.uint32)
