"""What was known by a date, and which events stand on which codelist."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from linkage.code_lists import Codelist
from linkage.vocabulary import SYSTEMS

HIT_COLUMNS = ("person_no", "on_date", "value", "unit")


def known_events(event: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Keep events dated and recorded by `as_of` (without a recording date: dated)."""
    recorded = pl.coalesce("recorded_on", "on_date")
    return event.filter((pl.col("on_date") <= as_of) & (recorded <= as_of))


def known_activity(activity: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Keep activity begun and recorded by `as_of`; what ended later is still open."""
    recorded = pl.coalesce("recorded_on", "start_on")
    return activity.filter(
        (pl.col("start_on") <= as_of) & (recorded <= as_of)
    ).with_columns(end_on=pl.when(pl.col("end_on") <= as_of).then("end_on"))


def codes_of_lists(
    codes: pl.DataFrame, codelists: Mapping[str, Codelist]
) -> pl.DataFrame:
    """Match distinct codes (`system`, `code`) to lists: `system`, `code`, `list`.

    A prefix list matches by cutting the code to each length that its stems have.
    """
    found = [
        pl.DataFrame(schema={"system": pl.Int16, "code": pl.String, "list": pl.String})
    ]
    for name, codelist in codelists.items():
        mine = codes.filter(pl.col("system") == SYSTEMS[codelist.spec.system])
        listed = pl.Series(sorted(codelist.codes), dtype=pl.String)
        if codelist.spec.match == "exact":
            matches = pl.col("code").is_in(listed.implode())
        else:
            matches = pl.any_horizontal(
                pl.col("code").str.slice(0, length).is_in(stems.implode())
                for length, stems in _by_length(listed).items()
            )
        found.append(mine.filter(matches).with_columns(list=pl.lit(name)))
    return pl.concat(found)


def _by_length(codes: pl.Series) -> dict[int, pl.Series]:
    lengths = codes.str.len_chars()
    return {n: codes.filter(lengths == n) for n in sorted(lengths.unique().to_list())}


class Hits:
    """The known events on each codelist, matched once per distinct code."""

    def __init__(self, known: pl.DataFrame, codelists: Mapping[str, Codelist]) -> None:
        codes = known.select(pl.col("system").cast(pl.Int16), "code").unique()
        table = codes_of_lists(codes, codelists)
        matched = known.select(
            *HIT_COLUMNS, pl.col("system").cast(pl.Int16), "code"
        ).join(table, on=["system", "code"], how="inner")
        parts = matched.partition_by("list", as_dict=True, include_key=False)
        self._by_list = {
            key[0]: part.select(HIT_COLUMNS) for key, part in parts.items()
        }
        self._none = matched.select(HIT_COLUMNS).clear()
        self.known = known
        self.codes = table

    def on(self, lists: tuple[str, ...], *, after: date | None = None) -> pl.DataFrame:
        """Return the events on any of the lists: person_no, on_date, value, unit.

        `after` keeps what is dated later than it.
        """
        found = pl.concat(
            [self._none, *(self._by_list.get(n, self._none) for n in lists)]
        )
        return found if after is None else found.filter(pl.col("on_date") > after)
