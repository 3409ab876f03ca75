"""Turn linked rows into the store's facts: no name, number, address or birth date."""

from typing import NamedTuple

import polars as pl

from linkage.keys import part_keys, row_keys
from linkage.specs import ActivitySpec, Conditions, EventSpec, FeedSpec
from linkage.steps.prices import Prices
from linkage.vocabulary import (
    ACTIVITY_KINDS,
    EVENT_KINDS,
    SETTINGS,
    SYSTEMS,
    URGENCIES,
    number,
)

Schema = dict[str, type[pl.DataType]]
FACT: Schema = {"person_no": pl.Int32, "record_key": pl.Int64, "subject_key": pl.Int64}
TABLES: dict[str, Schema] = {
    "registration": FACT
    | {
        "practice_code": pl.String,
        "start_on": pl.Date,
        "end_on": pl.Date,
        "end_reason": pl.String,
    },
    "residence": FACT
    | {
        "lsoa_code": pl.String,
        "in_care_home": pl.Boolean,
        # Equal for those of one address, under the vault's key; null in care homes.
        "home_key": pl.Int64,
        "start_on": pl.Date,
        "end_on": pl.Date,
    },
    "event": FACT
    | {
        "on_date": pl.Date,
        "recorded_on": pl.Date,
        "kind": pl.Int16,
        "system": pl.Int16,
        "code": pl.String,
        "value": pl.Float32,
        "unit": pl.String,
        "feed_no": pl.Int16,
    },
    "activity": FACT
    | {
        "setting": pl.Int16,
        "kind": pl.Int16,
        "start_on": pl.Date,
        "end_on": pl.Date,
        "recorded_on": pl.Date,
        "urgency": pl.Int16,
        "provider_code": pl.String,
        "specialty": pl.String,
        "outcome": pl.String,
        "reason_code": pl.String,
        "seen_by": pl.String,
        "cost_gbp": pl.Float32,
        "place": pl.Int32,
        "feed_no": pl.Int16,
    },
}


# Tables of facts that several rows, of other keys, can make and end.
SHARED = ("registration", "residence", "activity")


class Facts(NamedTuple):
    """The facts of a batch by table, each frame with row_number, and what was lost.

    unplaced: residences whose postcode lies in no known area.
    """

    tables: dict[str, pl.DataFrame]
    unplaced: int


def pseudonymise(
    rows: pl.DataFrame, spec: FeedSpec, prices: Prices, areas: pl.DataFrame
) -> Facts:
    """Make facts of linked rows.

    rows: the typed columns with row_number, row_key, subject_key and person_no.
    prices: what activity costs; every cost is in pounds of their year.
    areas: postcode, lsoa_code.
    """
    tables = {}
    if spec.registrations:
        tables["registration"] = _registrations(rows, spec)
    unplaced = 0
    if spec.residences:
        placed = rows.join(
            areas.select(pl.col("postcode").alias("_postcode"), "lsoa_code"),
            left_on=spec.residences[0].postcode,
            right_on="_postcode",
            how="left",
        )
        tables["residence"], unplaced = _residences(placed, spec)
    if spec.events:
        tables["event"] = pl.concat(
            [
                _event(rows, event, code, spec)
                for event in spec.events
                for code in spec.numbered(event.code)
                # Most of twenty diagnoses and twenty-four procedures are empty.
                if rows[code].null_count() < rows.height
            ]
            or [pl.DataFrame(schema={"row_number": pl.Int64, **TABLES["event"]})]
        )
    if spec.activities:
        made = pl.concat(
            [_activity(rows, activity, spec, prices) for activity in spec.activities]
        )
        if any(activity.once_per for activity in spec.activities):
            # Episodes of one spell may belong to different kinds of it.
            made = made.sort("place", nulls_last=True, maintain_order=True)
            made = made.unique("record_key", keep="first", maintain_order=True)
        tables["activity"] = made
    return Facts(tables, unplaced)


def _fact(
    rows: pl.DataFrame, part: str, table: str, **columns: pl.Expr
) -> pl.DataFrame:
    """Rows as facts of a table, in its columns; each fact once (last row wins)."""
    keys = part_keys(rows["row_key"], part)
    made = rows.with_columns(keys.alias("record_key")).select(
        "row_number",
        *(
            columns.get(name, pl.col(name)).cast(dtype).alias(name)
            for name, dtype in TABLES[table].items()
        ),
    )
    if made["record_key"].n_unique() < made.height:
        made = made.unique("record_key", keep="last", maintain_order=True)
    return made


def possible(rows: pl.DataFrame, spec: FeedSpec) -> pl.DataFrame:
    """Every event and activity that rows could have made, in any version.

    rows: row_number, row_key and the columns of any `once_per`. Returns table,
    row_number, record_key.
    """
    parts = [
        ("event", rows["row_key"], _event_part(event, code))
        for event in spec.events
        for code in spec.numbered(event.code)
    ]
    for activity in spec.activities:
        keys = _once_keys(rows, activity, spec) if activity.once_per else None
        keys = rows["row_key"] if keys is None else keys
        parts.append(("activity", keys, _activity_part(activity)))
    none = pl.DataFrame(
        schema={"table": pl.String, "row_number": pl.Int64, "record_key": pl.Int64}
    )
    found = [
        rows.select(
            pl.lit(table).alias("table"),
            "row_number",
            part_keys(keys, part).alias("record_key"),
        )
        for table, keys, part in parts
    ]
    return pl.concat([none, *found]).unique()


def _event_part(event: EventSpec, code: str) -> str:
    return f"{event.kind} {event.system} {code}"


def _activity_part(part: ActivitySpec) -> str:
    return f"{part.setting} {part.kind}"


def _once_keys(rows: pl.DataFrame, part: ActivitySpec, spec: FeedSpec) -> pl.Series:
    return row_keys(rows, list(part.once_per), f"once {spec.number}")


def _optional(name: str | None) -> pl.Expr:
    return pl.col(name) if name else pl.lit(None)


def _registrations(rows: pl.DataFrame, spec: FeedSpec) -> pl.DataFrame:
    made = []
    for part in spec.registrations:
        usable = rows.filter(
            pl.col(part.practice).is_not_null() & pl.col(part.start).is_not_null()
        )
        # A registration stands on several rows where the address changed: its own key.
        keys = row_keys(
            usable.with_columns(_who=_who(usable)),
            ["_who", part.practice, part.start],
            f"registration {spec.number}",
        )
        made.append(
            _fact(
                usable.with_columns(keys.alias("row_key")),
                "registration",
                "registration",
                practice_code=pl.col(part.practice),
                start_on=pl.col(part.start),
                end_on=_optional(part.end),
                end_reason=_optional(part.end_reason),
            )
        )
    return pl.concat(made)


def _residences(rows: pl.DataFrame, spec: FeedSpec) -> tuple[pl.DataFrame, int]:
    made, unplaced = [], 0
    for part in spec.residences:
        stated = rows.filter(
            pl.col(part.postcode).is_not_null() & pl.col(part.start).is_not_null()
        )
        usable = stated.filter(pl.col("lsoa_code").is_not_null())
        unplaced += stated.height - usable.height
        keys = row_keys(
            usable.with_columns(_who=_who(usable)),
            ["_who", part.postcode, part.start],
            f"residence {spec.number}",
        )
        in_care_home = _optional(part.care_home).cast(pl.Boolean).fill_null(False)
        made.append(
            _fact(
                usable.with_columns(keys.alias("row_key")),
                "residence",
                "residence",
                lsoa_code=pl.col("lsoa_code"),
                in_care_home=in_care_home,
                home_key=pl.when(~in_care_home).then(
                    pl.col("home_key") if part.line else pl.lit(None)
                ),
                start_on=pl.col(part.start),
                end_on=_optional(part.end),
            )
        )
    return pl.concat(made), unplaced


def _who(rows: pl.DataFrame) -> pl.Expr:
    """Whose registration it is, whatever address the row states.

    By the keys of local id or NHS number where there is one: those outlive a change of
    address. Never by the number itself: a hash of it is undone by hashing them all.
    """
    found = [pl.col(n).cast(pl.String) for n in ("number_key",) if n in rows.columns]
    if "local_key_0" in rows.columns:
        found.insert(0, pl.col("local_key_0").cast(pl.String))
    return pl.coalesce([*found, pl.col("person_no").cast(pl.String)])


def _holds(when: Conditions, unless: Conditions) -> list[pl.Expr]:
    """The conditions as expressions; a null value meets no `when` and no `unless`."""
    held = [
        pl.col(name).cast(pl.String).is_in(values).fill_null(False)
        for name, values in when.items()
    ]
    return held + [
        ~pl.col(name).cast(pl.String).is_in(values).fill_null(False)
        for name, values in unless.items()
    ]


def _event(
    rows: pl.DataFrame, event: EventSpec, code: str, spec: FeedSpec
) -> pl.DataFrame:
    recorded = event.recorded or spec.latest_by
    usable = rows.filter(
        pl.col(code).is_not_null(),
        pl.col(event.date).is_not_null(),
        *_holds(event.when, event.unless),
    )
    return _fact(
        usable,
        _event_part(event, code),
        "event",
        on_date=pl.col(event.date),
        recorded_on=_optional(recorded),
        kind=pl.lit(EVENT_KINDS[event.kind]),
        system=pl.lit(SYSTEMS[event.system]),
        code=pl.col(code),
        value=_optional(event.value),
        unit=pl.lit(event.unit_is) if event.unit_is else _optional(event.unit),
        feed_no=pl.lit(spec.number),
    )


def _activity(
    rows: pl.DataFrame, part: ActivitySpec, spec: FeedSpec, prices: Prices
) -> pl.DataFrame:
    usable = rows.filter(
        pl.col(part.start).is_not_null(), *_holds(part.when, part.unless)
    )
    if part.once_per:
        if part.first_by:
            usable = usable.sort(part.first_by, nulls_last=True, maintain_order=True)
        usable = usable.unique(part.once_per, keep="first", maintain_order=True)
        keys = _once_keys(usable, part, spec)
        usable = usable.with_columns(keys.alias("row_key"))
    urgency = pl.lit(URGENCIES[part.urgency_is]) if part.urgency_is else pl.lit(None)
    if part.urgency:
        urgency = number(part.urgency, URGENCIES)
    return _fact(
        usable,
        _activity_part(part),
        "activity",
        setting=pl.lit(SETTINGS[part.setting]),
        kind=pl.lit(ACTIVITY_KINDS[part.kind]),
        start_on=pl.col(part.start),
        end_on=_optional(part.end),
        recorded_on=_optional(part.recorded or spec.latest_by),
        urgency=urgency,
        provider_code=_optional(part.provider),
        specialty=_optional(part.specialty),
        outcome=_optional(part.outcome),
        reason_code=_optional(part.reason),
        seen_by=_optional(part.seen_by),
        cost_gbp=_cost(part, prices),
        place=_optional(part.first_by).cast(pl.Int32, strict=False),
        feed_no=pl.lit(spec.number),
    )


def _cost(part: ActivitySpec, costs: Prices) -> pl.Expr:
    """Pounds of the prices' year: the source's own figure, else the unit cost of this
    kind of activity."""
    if part.cost is None:
        return pl.lit(None)
    known = costs.unit_costs.filter(setting=part.setting, kind=part.kind)
    prices = dict(zip(known["detail"], known["gbp"], strict=True))
    usual = prices.get("")
    if part.cost.detail:
        unit = pl.col(part.cost.detail).replace_strict(
            prices, default=usual, return_dtype=pl.Float64
        )
    else:
        unit = pl.lit(prices.get(part.cost.detail_is or "", usual), dtype=pl.Float64)
    if known["per"].eq("day").any():
        # A stay that still lasts has no cost yet.
        days = (_optional(part.end).cast(pl.Date) - pl.col(part.start)).dt.total_days()
        unit = unit * days.clip(1)
    if part.cost.column:
        own = pl.col(part.cost.column).cast(pl.Float64)
        on = pl.col(part.cost.priced_on or part.start)
        return pl.coalesce([costs.at_base(own, on), unit])
    return unit
