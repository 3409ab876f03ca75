"""Turn a population's profile into a programme's list: who, why, and who not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from dashboards.list_specs import (
    AllOf,
    AnyOf,
    AtLeast,
    Below,
    Is,
    Known,
    ListSpec,
    MoreThan,
    NotKnown,
    NotWithin,
    Reason,
    Rule,
    Within,
    placeholders,
)


@dataclass(frozen=True)
class Shortlist:
    """A list and the people it passed over.

    `entries`: person_no, practice_code, pcn_code, rank (1 is first within the PCN),
    probability, reasons, known, needs, changed (lists of strings), next_step,
    order_words (what the order goes by, where it is a number and no chance).
    `left_out`: rule, practice_code, persons (list) — the first rule that holds counts;
    opt-outs come last, so that they count people who would otherwise be listed.
    """

    entries: pl.DataFrame
    left_out: pl.DataFrame


def holds(rule: Rule, as_of: date) -> pl.Expr:
    """Turn a rule into a condition; an unknown value satisfies nothing."""
    if isinstance(rule, AllOf):
        return pl.all_horizontal(*(holds(r, as_of) for r in rule.all_of))
    if isinstance(rule, AnyOf):
        return pl.any_horizontal(*(holds(r, as_of) for r in rule.any_of))
    column = pl.col(rule.attribute)
    if isinstance(rule, AtLeast):
        found = column >= rule.at_least
    elif isinstance(rule, MoreThan):
        found = column > pl.col(rule.more_than).fill_null(0) + rule.by
    elif isinstance(rule, Below):
        found = column < rule.below
    elif isinstance(rule, NotKnown):
        found = column.is_null()
    elif isinstance(rule, NotWithin):
        days = (pl.lit(as_of) - column).dt.total_days()
        found = (days > rule.not_within_days).fill_null(value=True)
    elif isinstance(rule, Within):
        days = (pl.lit(as_of) - column).dt.total_days()
        found = days.is_between(0, rule.within_days)
    else:
        found = _as_word(rule).is_in(list(rule.among))
    return found.fill_null(value=False)


def _as_word(rule: Is) -> pl.Expr:
    # Flags are booleans in a profile and "yes"/"no" in a definition.
    word = pl.col(rule.attribute).cast(pl.String)
    return word.replace({"true": "yes", "false": "no"}).fill_null("none")


def shortlist(
    profile: pl.DataFrame,
    before: pl.DataFrame | None,
    spec: ListSpec,
    *,
    as_of: date,
    honours: Sequence[str] | None = None,
) -> Shortlist:
    """Apply a programme to a profile (one row per person, a column per attribute).

    `before` is the profile of the release before, for what has changed since;
    `honours` the flags that keep people off it (those the programme names).
    """
    could = profile.filter(holds(spec.who, as_of))
    cause = pl.lit(None, dtype=pl.String)
    for opt_out in spec.honours_opt_outs if honours is None else honours:
        opted = pl.col(opt_out).fill_null(value=False)
        cause = pl.when(opted).then(pl.lit(opt_out)).otherwise(cause)
    for exclusion in reversed(spec.but_not):
        cause = (
            pl.when(holds(exclusion.when, as_of))
            .then(pl.lit(exclusion.name))
            .otherwise(cause)
        )
    marked = could.with_columns(rule=cause)
    left_out = (
        marked.filter(pl.col("rule").is_not_null())
        .group_by("rule", "practice_code")
        .agg(persons=pl.col("person_no").sort())
        .sort("rule", "practice_code", nulls_last=True)
    )
    # A practice in no network has no team whose list its people could be on.
    chosen = marked.filter(
        pl.col("rule").is_null()
        & pl.col("practice_code").is_not_null()
        & pl.col("pcn_code").is_not_null()
    )
    ranked = in_order(chosen, spec.order_by)
    entries = ranked.select(
        "person_no",
        "practice_code",
        "pcn_code",
        pl.col("rank").cast(pl.Int32),
        probability=pl.col(spec.order_by).cast(pl.Float64)
        if spec.order_is == "chance"
        else pl.lit(None, dtype=pl.Float64),
        reasons=_sentences(spec.reasons, as_of),
        known=_sentences(spec.known, as_of),
        needs=_sentences(spec.needs, as_of),
        next_step=_next_step(spec, as_of),
        order_words=_order_words(spec),
    )
    return Shortlist(
        entries.join(_changes(ranked, before, spec), on="person_no", how="left"),
        left_out,
    )


def in_order(people: pl.DataFrame, by: str) -> pl.DataFrame:
    """Add each person's `rank` within their `pcn_code`, the highest value first.

    A tie is broken by person_no, so that the order is the same every night.
    """
    order = pl.col(by).cast(pl.Float64).fill_null(-1.0)
    return people.sort("pcn_code", -order, "person_no").with_columns(
        rank=pl.int_range(1, pl.len() + 1).over("pcn_code")
    )


def _sentences(items: tuple[Reason, ...] | tuple[Known, ...], as_of: date) -> pl.Expr:
    parts = [
        pl.when(holds(item.when, as_of)).then(sentence(item.text)) for item in items
    ]
    return _present(parts)


def _present(parts: Sequence[pl.Expr]) -> pl.Expr:
    """Gather the sentences that hold into a list; none at all is an empty list."""
    if not parts:
        return pl.lit([], dtype=pl.List(pl.String))
    return pl.concat_list(parts).list.drop_nulls()


def _order_words(spec: ListSpec) -> pl.Expr:
    return sentence(spec.order_words) if spec.order_words else pl.lit("")


def sentence(text: str) -> pl.Expr:
    """Write a sentence with the attributes named in braces filled in."""
    names = placeholders(text)
    frame = text
    for name in names:
        frame = frame.replace(f"{{{name}}}", "{}", 1)
    return pl.format(frame, *(_written(name) for name in names))


def _written(name: str) -> pl.Expr:
    return pl.col(name).map_batches(_write_column, return_dtype=pl.String)


def _write_column(values: pl.Series) -> pl.Series:
    """Write numbers without needless decimals and dates as people say them."""
    return pl.Series(values.name, [written(v) for v in values], dtype=pl.String)


def written(value: Any) -> str:
    """Write one value in plain words."""
    if value is None:
        return "not recorded"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return f"{value.day} {value:%B %Y}"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.2f}"
    if isinstance(value, int | float):
        return f"{int(value):,}"
    return str(value)


def _next_step(spec: ListSpec, as_of: date) -> pl.Expr:
    step = pl.lit(spec.next_steps[-1].name)
    for option in reversed(spec.next_steps[:-1]):
        assert option.when is not None
        step = (
            pl.when(holds(option.when, as_of)).then(pl.lit(option.name)).otherwise(step)
        )
    return step


def _changes(
    ranked: pl.DataFrame, before: pl.DataFrame | None, spec: ListSpec
) -> pl.DataFrame:
    watched = [r.changed for r in spec.reasons if r.changed]
    if before is None or before.is_empty():
        return ranked.select("person_no", changed=pl.lit([], dtype=pl.List(pl.String)))
    joined = ranked.select("person_no", *watched).join(
        before.select("person_no", *watched), on="person_no", suffix="_before"
    )
    parts = [
        pl.when(pl.col(name) != pl.col(f"{name}_before")).then(
            pl.format(
                f"{name.replace('_', ' ')}: {{}} → {{}}",
                _written(f"{name}_before"),
                _written(name),
            )
        )
        for name in watched
    ]
    return joined.select("person_no", changed=_present(parts))
