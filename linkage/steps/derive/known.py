"""What was known by a date, and which events stand on which codelist."""

from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from linkage.code_lists import Codelist
from linkage.vocabulary import EVENT_KINDS, SETTINGS, SYSTEMS

HIT_COLUMNS = ("person_no", "on_date", "kind", "value", "unit")
# Councils state a planned cost, which a service that lasts has as well.
COSTS_BY_THE_DAY = (SETTINGS["social_care"],)
# What a hospital or A&E department coded, in whichever system; all else is the GP
# record or a status.
CODED_IN_HOSPITAL = (EVENT_KINDS["diagnosis"], EVENT_KINDS["procedure"])


def known_events(event: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Keep events dated and recorded by `as_of` (without a recording date: dated)."""
    recorded = pl.coalesce("recorded_on", "on_date")
    return event.filter((pl.col("on_date") <= as_of) & (recorded <= as_of))


def known_activity(
    activity: pl.DataFrame, as_of: date, until: date | None = None
) -> pl.DataFrame:
    """Keep activity begun and recorded by `as_of`; what ended later is still open.

    What lasted on that day has cost what it had by then. A stay is priced when it
    ends: nothing. A planned service costs by the day: the share of its days, up to its
    end or, where it lasts, up to `until`, to which the frame was read (`as_of` unless
    given).
    """
    recorded = pl.coalesce("recorded_on", "start_on")
    start, end, cost = pl.col("start_on"), pl.col("end_on"), pl.col("cost_gbp")
    last = pl.max_horizontal(pl.coalesce(end, pl.lit(until or as_of)), start)
    days_known = (pl.lit(as_of) - start).dt.total_days() + 1
    share = (days_known / ((last - start).dt.total_days() + 1)).clip(upper_bound=1)
    by_then = (
        pl.when(pl.col("setting").is_in(COSTS_BY_THE_DAY))
        .then(cost * share)
        .when((end <= as_of) | end.is_null())
        .then(cost)
    )
    return activity.filter((start <= as_of) & (recorded <= as_of)).with_columns(
        end_on=pl.when(end <= as_of).then(end), cost_gbp=by_then.cast(pl.Float32)
    )


def codes_of_lists(
    codes: pl.DataFrame, codelists: Mapping[str, Codelist]
) -> pl.DataFrame:
    """Match distinct codes (`system`, `code`) to lists: `system`, `code`, `list`.

    A prefix list matches by cutting the code to each length that its stems have.
    """
    listed = pl.DataFrame(
        [
            (SYSTEMS[codelist.spec.system], codelist.spec.match, code, name)
            for name, codelist in codelists.items()
            for code in codelist.codes
        ],
        schema={
            "system": pl.Int16,
            "match": pl.String,
            "stem": pl.String,
            "list": pl.String,
        },
        orient="row",
    )
    exact = listed.filter(pl.col("match") == "exact").rename({"stem": "code"})
    prefixes = listed.filter(pl.col("match") == "prefix")
    lengths = prefixes["stem"].str.len_chars()
    found = [codes.join(exact, on=["system", "code"], how="inner")]
    found += [
        codes.with_columns(stem=pl.col("code").str.slice(0, length)).join(
            prefixes.filter(lengths == length), on=["system", "stem"], how="inner"
        )
        for length in sorted(lengths.unique().to_list())
    ]
    columns = [frame.select("system", "code", "list") for frame in found]
    # A code may begin with two stems of one list (I50 and I501): it is on it once.
    return pl.concat(columns).unique()


class Hits:
    """The known events on each codelist, matched once per distinct code.

    `distinct` holds every code of the events once (`code_no`, `system`, `code`);
    `codes` says which lists a code is on; `known` are the events with their code's
    number, so that nothing after this compares text.
    """

    def __init__(self, known: pl.DataFrame, codelists: Mapping[str, Codelist]) -> None:
        numbered = known.select(
            *HIT_COLUMNS,
            pl.col("system").cast(pl.Int16),
            pl.col("code").cast(pl.Categorical),
        )
        self.distinct = (
            numbered.select("system", "code")
            .unique()
            .sort("system", pl.col("code").cast(pl.String))
            .with_row_index("code_no")
        )
        self.known = numbered.join(self.distinct, on=["system", "code"]).drop(
            "system", "code"
        )
        self.distinct = self.distinct.with_columns(pl.col("code").cast(pl.String))
        table = codes_of_lists(self.distinct.drop("code_no"), codelists)
        self.codes = table.join(self.distinct, on=["system", "code"])
        matched = self.known.join(
            self.codes.select("code_no", "list"), on="code_no", how="inner"
        )
        parts = matched.partition_by("list", as_dict=True, include_key=False)
        self._by_list = {
            key[0]: part.select(HIT_COLUMNS) for key, part in parts.items()
        }
        self._none = matched.select(HIT_COLUMNS).clear()

    def on(self, lists: Iterable[str], *, after: date | None = None) -> pl.DataFrame:
        """Return the events on any of the lists: person_no, on_date, kind, value, unit.

        `after` keeps what is dated later than it.
        """
        parts = [self._by_list[name] for name in lists if name in self._by_list]
        found = pl.concat(parts) if parts else self._none
        return found if after is None else found.filter(pl.col("on_date") > after)

    def recorded(self, lists: Iterable[str]) -> pl.DataFrame:
        """Return the events on the lists that a GP record or a status holds."""
        return self.on(lists).filter(~pl.col("kind").is_in(CODED_IN_HOSPITAL))

    def in_hospital(self, lists: Iterable[str]) -> pl.DataFrame:
        """Return the events on the lists that hospitals and A&E departments coded."""
        return self.on(lists).filter(pl.col("kind").is_in(CODED_IN_HOSPITAL))
