"""Which coded entry of a person's record a feature stands on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from linkage.code_lists import Codelist
from linkage.code_rules import HasCode, Register, lists_of
from linkage.steps.derive.known import codes_of_lists
from linkage.vocabulary import SYSTEMS

SYSTEM_WORDS = {number: word for word, number in SYSTEMS.items()}


@dataclass(frozen=True)
class CodeEvidence:
    """One coded entry: the code, its words, its system, and the day it is dated."""

    code: str
    term: str
    system: str
    on: date


def evidence(
    known: pl.DataFrame, rule: object, codelists: Mapping[str, Codelist]
) -> CodeEvidence | None:
    """The entry that a rule stands on; None for rules without codes, or without one.

    `known` holds one person's events as known by the date (`on_date`, `system`,
    `code`). A register stands on its first entry since it was last resolved, which
    is its `since`; any other rule on its latest entry.
    """
    names = lists_of(rule)
    if not names or known.is_empty():
        return None
    ending: tuple[str, ...] = ()
    if isinstance(rule, Register):
        ending = rule.resolved
    elif isinstance(rule, HasCode):
        ending = rule.ended_by
    distinct = known.select(pl.col("system").cast(pl.Int16), "code").unique()
    table = codes_of_lists(distinct, {name: codelists[name] for name in names})
    on_lists = known.with_columns(pl.col("system").cast(pl.Int16)).join(
        table, on=["system", "code"]
    )
    ended = on_lists.filter(pl.col("list").is_in(ending))["on_date"].max()
    speaking = on_lists.filter(~pl.col("list").is_in(ending))
    if ended is not None:
        speaking = speaking.filter(pl.col("on_date") > pl.lit(ended))
    speaking = speaking.sort("on_date", "code", "list")
    if speaking.is_empty():
        return None
    row = speaking.row(0 if isinstance(rule, Register) else -1, named=True)
    return CodeEvidence(
        code=row["code"],
        term=term_of(row["code"], codelists[row["list"]]),
        system=SYSTEM_WORDS[row["system"]],
        on=row["on_date"],
    )


def term_of(code: str, codelist: Codelist) -> str:
    """The words of a code, or of the longest stem that it begins with."""
    for length in range(len(code), 0, -1):
        if code[:length] in codelist.terms:
            return codelist.terms[code[:length]]
    return ""
