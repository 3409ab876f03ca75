"""What a run cannot know of its facts until they meet the store's own."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from linkage.key_runs import KeyRuns

# Tables of facts that a row makes by itself, unless several rows share one.
VERSIONED = ("event", "activity")


@dataclass(frozen=True)
class Doubts:
    """What a run cannot know of its facts until they meet the store's own.

    repeats: one fact may have been set aside more than once. dated: rows say of which
    day their version is; else the file does. of_many: tables whose facts several rows
    may state. keys: those of every row that may have made facts, and of facts that
    rows of other keys can make too.
    rows: row_number, row_key, version of those that were perhaps loaded before, with
    what `possible` needs. possible: from such rows to every fact that any version of
    them can have made, as table, row_number, record_key.
    """

    repeats: bool
    dated: bool
    of_many: frozenset[str]
    keys: tuple[KeyRuns, ...]
    rows: pl.DataFrame
    possible: Callable[[pl.DataFrame], pl.DataFrame]

    @property
    def by_row(self) -> list[str]:
        return [table for table in VERSIONED if table not in self.of_many]
