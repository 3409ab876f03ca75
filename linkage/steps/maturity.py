"""NHS England's Data Quality Maturity Index: items, and how often data sets came.

The index is the mean score of the items for which data came, times the mean coverage of
their data sets. An item's score is the share of records that are valid and complete,
less the default values beyond what its threshold accepts (DQMI methodology, appendix 1;
its worked example gives 47.2). An item that nobody was expected to send has no score:
not applicable never counts as passed.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """One item of one data set from one provider.

    valid: records in which it is valid and complete. defaults: those with a default
    value ("not stated"), of which `accepted` (a share from 0 to 1) are taken as
    meaningful. coverage: periods in which the data set came, of those it was due in.
    """

    records: float
    valid: float
    coverage: float
    defaults: float = 0.0
    accepted: float = 1.0

    @property
    def score(self) -> float | None:
        """From 0 to 1; None where no record came that could hold it."""
        if not self.records:
            return None
        excess = max(0.0, self.defaults - self.accepted * self.records)
        return max(0.0, (self.valid - excess) / self.records)


def maturity(items: Iterable[Item]) -> float | None:
    """The index from 0 to 100, or None where no item applies."""
    scored = [(i.score, i.coverage) for i in items if i.score is not None]
    if not scored:
        return None
    scores = [score for score, _ in scored if score is not None]
    covered = [coverage for _, coverage in scored]
    return sum(scores) / len(scores) * sum(covered) / len(covered) * 100
