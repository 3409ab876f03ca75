"""What the simulated lives must offer to the stages that come after them."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import polars as pl

Report = Callable[[str, int, int, str], None]


class Written(NamedTuple):
    """One feed file, relative to the delivery folder, and its rows."""

    feed: str
    path: Path
    rows: int


class Lives(Protocol):
    """What `synthetic.lives.simulate` returns, as far as others need it.

    deaths: person, died_on (date), cause_icd10, place; one row per dead person.
    seen_at: person, source, first_on, last_on (dates); one row per person and source
        ("RZ1".. trust codes, a council's la_code) that has at least one clinical or
        social care row of that person. Complete once the clinical feeds are written.
    """

    @property
    def deaths(self) -> pl.DataFrame: ...

    @property
    def seen_at(self) -> pl.DataFrame: ...
