"""Count what is wrong with a delivery before anything of it is used."""

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from linkage.steps.validate import NOT_USED, Checked

MISSING = "missing"
# Rules that say something of one column's values, and not of the whole row.
WHOLE_ROW = ("unreadable", NOT_USED, "duplicate")


@dataclass
class Measured:
    """Rows, and by field how many lack a needed value or hold one that is of no use."""

    rows: int = 0
    rejected: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Measured") -> None:
        self.rows += other.rows
        self.rejected += other.rejected
        self.missing.update(other.missing)
        self.unusable.update(other.unusable)


def measure(checked: Checked, rows: int) -> Measured:
    """Count the faults that validation found in a batch of `rows` rows."""
    found = Measured(rows=rows)
    reasons = checked.rejected.filter(pl.col("rule") != NOT_USED)
    found.rejected = reasons["row_number"].n_unique()
    by = reasons.group_by("rule", "field").len()
    for rule, name, many in by.iter_rows():
        if rule == MISSING:
            found.missing[name] += many
        elif rule not in WHOLE_ROW:
            found.unusable[name] += many
    for words, many in checked.blanked.items():
        found.unusable[words.rpartition(": ")[0]] += many
    return found
