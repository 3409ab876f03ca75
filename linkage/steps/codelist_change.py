"""What a change of one codelist does: its codes, and the people of each feature."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from linkage.code_lists import Codelist
from linkage.feature_specs import FeatureSpec

ENTERING, LEAVING, CHANGED = "entering", "leaving", "changed"


@dataclass(frozen=True)
class Difference:
    """Codes added, removed, and kept under another term, in order."""

    added: dict[str, str]
    removed: dict[str, str]
    retitled: dict[str, tuple[str, str]]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.retitled)


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> Difference:
    """Compare two versions of a list's codes and terms."""
    return Difference(
        added={c: after[c] for c in sorted(after) if c not in before},
        removed={c: before[c] for c in sorted(before) if c not in after},
        retitled={
            c: (before[c], after[c])
            for c in sorted(after)
            if c in before and before[c] != after[c]
        },
    )


def readers(specs: Mapping[str, FeatureSpec], name: str) -> dict[str, FeatureSpec]:
    """The features that read a codelist themselves."""
    return {n: spec for n, spec in specs.items() if name in spec.codelists}


def movements(
    before: pl.DataFrame, after: pl.DataFrame, columns: list[str]
) -> dict[tuple[str, str], list[int]]:
    """Who enters, leaves or changes, by (column, way): person numbers.

    Both frames are of the same people in the same order. A flag is entered or left;
    any other value changes.
    """
    found: dict[tuple[str, str], list[int]] = {}
    people = after["person_no"]
    for column in columns:
        was, now = before[column], after[column]
        if now.dtype == pl.Boolean:
            had, has = was.fill_null(value=False), now.fill_null(value=False)
            found[column, ENTERING] = people.filter(has & ~had).to_list()
            found[column, LEAVING] = people.filter(had & ~has).to_list()
        else:
            found[column, CHANGED] = people.filter(was.ne_missing(now)).to_list()
    return found


def never_seen(codelist: Codelist, seen: pl.DataFrame) -> list[str]:
    """The codes of a list that no code of ours stands on, in order.

    `seen`: system (number of the vocabulary), code. A prefix is seen when any code
    begins with it.
    """
    codes = set(seen["code"].to_list())
    if codelist.spec.match == "exact":
        return sorted(codelist.codes - codes)
    lengths = {len(code) for code in codelist.codes}
    stems = {code[:length] for code in codes for length in lengths}
    return sorted(codelist.codes - stems)
