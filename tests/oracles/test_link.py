"""Levels of comparison and the joining of units, each written once more, slowly."""

from collections import defaultdict
from datetime import date

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from linkage.steps.linking.cluster import join_units, pair_frame
from linkage.steps.linking.compare import levels
from linkage.steps.linking.model import model_in_use
from linkage.steps.linking.names import forms
from linkage.steps.linking.prepare import INPUT, prepare
from linkage.steps.linking.weigh import Weighed
from tests.linking_people import frame, said

MODEL = model_in_use("names")
NAMES = ["ada", "eda", "md", "mohammed", "xasan", "hasan", "smith", "smth", "s", "li"]
NAMES += ["lei", "arnina", "amina", "jaspreet", "harpreet", None]
DATES = [date(1950, 3, 7), date(1950, 7, 3), date(1950, 1, 1), date(1951, 3, 7)]
DATES += [date(1950, 3, 17), date(1950, 11, 30), date(1988, 10, 21), None]
DATES += [date(1905, 3, 7), date(1960, 3, 7), date(1973, 3, 7), date(2050, 3, 7)]
record = st.fixed_dictionaries(
    {
        "forename": st.sampled_from(NAMES),
        "surname": st.sampled_from(NAMES),
        "born_on": st.sampled_from(DATES),
        "sex": st.sampled_from(["1", "2", None]),
        "postcode": st.sampled_from(["ZA1 1AA", "ZA1 1AB", "ZA2 1AA", "ZB1 1AA", None]),
    }
)


def slipped(one: int, other: int) -> bool:
    exchanged = str(one)[:2] + str(one)[3] + str(one)[2]
    return abs(one - other) in (1, 10, 100) or exchanged == str(other)


def holds(field: str, kind: str, one: dict, other: dict) -> bool:
    a, b = one[field], other[field]
    if kind == "different":
        return True
    if kind == "same":
        return a == b
    if field == "postcode":
        return a[:-4] == b[:-4] if kind == "same_district" else a[:2] == b[:2]
    if field == "born_on":
        parts = [a.year == b.year, a.month == b.month, a.day == b.day]
        new_year = (a.month, a.day) == (1, 1) or (b.month, b.day) == (1, 1)
        return {
            "same_first_of_january": a == b and new_year,
            "swapped": parts[0] and (a.month, a.day) == (b.day, b.month),
            "day_or_month_differs": parts[0] and (parts[1] or parts[2]),
            "year_slip": parts[1] and parts[2] and slipped(a.year, b.year),
            "year_differs": parts[1] and parts[2],
            "first_of_january": parts[0] and new_year,
            "same_year": parts[0],
        }[kind]
    across = [one["forename"] == other["surname"], one["surname"] == other["forename"]]
    slips = DamerauLevenshtein.distance(a, b)
    winkler = JaroWinkler.similarity(a, b)
    shorter = min(len(a), len(b))
    return {
        "swapped": all(across) and None not in (one["surname"], one["forename"]),
        "half_swapped": any(across),
        "another_form": bool(set(forms(a)) & set(forms(b))),
        "shared_part": False,
        "close_spelling": winkler >= 0.94 or (slips <= 1 and shorter >= 4),
        "initial": shorter == 1 and a[0] == b[0],
        "second_name": False,
        "short_slip": slips <= 1 and shorter >= 2,
        "similar_spelling": winkler >= 0.86,
        "distant_spelling": winkler >= 0.75,
        "womans_other_name": one["sex"] == other["sex"] == "2",
    }[kind]


@settings(max_examples=120, deadline=None)
@given(st.lists(record, min_size=2, max_size=8))
def test_levels_are_those_that_a_reader_would_give(records) -> None:
    told = [
        {**r, "born_on": str(r["born_on"]) if r["born_on"] else None} for r in records
    ]
    prepared = prepare(frame([said(**r) for r in told]).select(INPUT))
    left, right = (x.astype(np.uint32) for x in np.triu_indices(len(records), 1))
    found = levels(prepared, left, right, MODEL)
    for n, (i, j) in enumerate(zip(left, right, strict=True)):
        one, other = records[i], records[j]
        for comparison in MODEL.comparisons:
            field = "born_on" if comparison.field == "born" else comparison.field
            expected = -1
            if one[field] is not None and other[field] is not None:
                expected = next(
                    place
                    for place, level in enumerate(comparison.levels)
                    if holds(field, level.kind, one, other)
                )
            assert found[comparison.field][n] == expected, (field, one, other)


units = st.integers(2, 7)


@st.composite
def weighed_units(draw):
    """Units of one row each, some with a number, and what pairs of them weigh."""
    count = draw(units)
    anchored = [n for n in range(count) if draw(st.booleans())]
    pairs = {}
    for a in range(count):
        for b in range(a + 1, count):
            if draw(st.booleans()):
                # Whole bits, all different, so that no order of ties is asked for.
                pairs[a, b] = draw(st.integers(-5, 25)) + len(pairs) / 64
    return count, anchored, pairs


Met = dict[tuple[int, int], float]


def best(
    unit: int, groups: dict, met: Met, held: set[int], left_out: set[int]
) -> tuple[int | None, bool]:
    """The best candidate of a unit, if likely enough, and whether a rival is close."""
    options = [
        (-met[unit, o], o not in held, o)
        for o in groups
        if (unit, o) in met and o not in left_out
    ]
    if not options or -min(options)[0] < MODEL.accept_bits:
        return None, False
    top, _, into = min(options)
    torn = any(
        weight < top + MODEL.clear_bits
        and other != into
        and ((other, into) not in met or {other, into} <= held)
        for weight, _, other in options
    )
    return into, torn


def slowly(count: int, anchored: list[int], pairs: dict) -> set[frozenset[int]]:
    """The rounds of joining, one unit at a time."""
    groups = {n: {n} for n in range(count)}
    while True:
        met: Met = {}
        for (i, j), bits in pairs.items():
            a, b = (next(g for g in groups if x in groups[g]) for x in (i, j))
            if a != b:
                met[a, b] = met[b, a] = max(met.get((a, b), bits), bits)
        held = {g for g in groups if groups[g] & set(anchored)}

        free = [g for g in groups if g not in held]
        first = {g: best(g, groups, met, held, set()) for g in free}
        out = {g for g, (_, torn) in first.items() if torn}
        chosen = {}
        for g in free:
            into, torn = best(g, groups, met, held, out)
            if into is not None and not torn:
                chosen[g] = into
        moves = {
            g: into
            for g, into in chosen.items()
            if into in held or into not in chosen or (chosen[into] == g and g > into)
        }
        moves = {g: into for g, into in moves.items() if into not in moves}
        if not moves:
            return {frozenset(rows) for rows in groups.values()}
        for g, into in moves.items():
            groups[into] |= groups.pop(g)


@settings(max_examples=300, deadline=None)
@given(weighed_units())
def test_units_join_as_they_do_one_at_a_time(told) -> None:
    count, anchored, pairs = told
    sides = np.array(list(pairs) or np.empty((0, 2)), dtype=np.uint32).reshape(-1, 2)
    weighed = Weighed(
        sides[:, 0],
        sides[:, 1],
        {c.field: np.zeros(len(pairs), dtype=np.int8) for c in MODEL.comparisons},
        {
            c.field: np.array(
                list(pairs.values()) if c.field == "sex" else [0.0] * len(pairs),
                dtype=np.float32,
            )
            for c in MODEL.comparisons
        },
    )
    rows = pair_frame(weighed).with_columns(local_bits=pl.lit(None, dtype=pl.Float32))
    joined = join_units(
        rows,
        np.arange(count),
        pl.Series(anchored, dtype=pl.Int64),
        pl.Series([], dtype=pl.Int64),
        pl.DataFrame(schema={"a": pl.Int64, "b": pl.Int64}),
        MODEL,
        0.0,
        pl.Series([], dtype=pl.Int64),  # nobody sought: no weight from the others
    )
    into = dict(joined.moves.select("unit", "into").iter_rows())
    groups = defaultdict(set)
    for unit in range(count):
        end = unit
        while end in into:
            end = into[end]
        groups[end].add(unit)
    assert {frozenset(g) for g in groups.values()} == slowly(count, anchored, pairs)
    assert all(len(g & set(anchored)) <= 1 for g in groups.values())
