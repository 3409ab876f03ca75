"""Join units (people so far, and records that no number settles) by weight.

Each unit without an NHS number goes to its best candidate, if that is likely enough
and clear of every rival who cannot be the same person. A unit with a number never
moves, so no two numbers can meet: whatever is joined hangs on at most one of them.
What joined brings its own names and addresses to the next round.
"""

from math import log2
from typing import NamedTuple

import numpy as np
import polars as pl

from linkage.steps.linking.compare import MISSING
from linkage.steps.linking.model import LinkModel
from linkage.steps.linking.weigh import Weighed

ROUNDS = 12
DOUBT = 20  # units found, and as many not found, before anything was seen
PLAUSIBLE = -6.0  # bits; pairs of units below this are not looked at more closely
Units = np.ndarray[tuple[int], np.dtype[np.int64]]


class Joined(NamedTuple):
    """moves: unit, into, weight: what was joined, in order (`into` may move later).
    review: unit, other, weight, why: likely pairs that were not joined."""

    moves: pl.DataFrame
    review: pl.DataFrame


def pair_frame(weighed: Weighed) -> pl.DataFrame:
    """left, right, and for each field its level (null: not compared) and bits."""
    columns: dict[str, object] = {"left": weighed.left, "right": weighed.right}
    for field, level in weighed.levels.items():
        columns[f"{field} level"] = level
        columns[f"{field} bits"] = weighed.bits[field]
    frame = pl.DataFrame(columns)
    said = [(pl.col(f"{field} level") != MISSING, field) for field in weighed.levels]
    return frame.with_columns(
        pl.when(known).then(pl.col(f"{field} {what}")).alias(f"{field} {what}")
        for known, field in said
        for what in ("level", "bits")
    )


def unit_pairs(
    pairs: pl.DataFrame, unit: Units, model: LinkModel, prior: float
) -> pl.DataFrame:
    """a, b (units, a < b), weight, by_source, vetoed, rivals: the best they say.

    vetoed: name or birth date say no, whatever else agrees. rivals: a record can be
    the one's or the other's, and not both's. A person is known under several names and
    addresses: each thing is compared with whichever of them agrees best.
    """
    one, other = unit[pairs["left"].to_numpy()], unit[pairs["right"].to_numpy()]
    fields = [comparison.field for comparison in model.comparisons]
    grouped = (
        pairs.with_columns(a=np.minimum(one, other), b=np.maximum(one, other))
        .filter(pl.col("a") != pl.col("b"))
        .group_by("a", "b")
        .agg(
            *(pl.col(f"{field} level").min() for field in fields),
            *(pl.col(f"{field} bits").max() for field in fields),
            pl.col("local_bits").max(),
        )
    )
    contradicted = [pl.col("born level") >= model.level("born", "different")]
    if "forename" in fields:
        other_name = model.level("forename", "distant_spelling")
        # Under the source's own identifier a person may have changed their name.
        contradicted.append(
            (pl.col("forename level") >= other_name) & pl.col("local_bits").is_null()
        )
    two_people = [
        pl.col(f"{field} level") >= model.level(field, "different")
        for field in ("forename", "born", "sex")
        if field in fields
    ]
    return grouped.select(
        "a",
        "b",
        weight=prior
        + pl.sum_horizontal("local_bits", *(f"{field} bits" for field in fields)),
        by_source=pl.col("local_bits").is_not_null(),
        vetoed=pl.any_horizontal(contradicted).fill_null(False),
        rivals=pl.any_horizontal(two_people).fill_null(False),
    )


def join_units(
    pairs: pl.DataFrame,
    unit: Units,
    anchored: pl.Series,
    aside: pl.Series,
    apart: pl.DataFrame,
    model: LinkModel,
    prior: float,
    sought: pl.Series,
) -> Joined:
    """Join units until nothing moves.

    pairs: of `pair_frame`. unit: by row. anchored: units that hold an NHS number.
    aside: units that nothing may join by weight (a number that is another's).
    apart: a, b of units that somebody has decided are two people. sought: units whose
    person is looked for; from how many of them found theirs follows how likely it is
    that the rest have one here too (`known_bits`).
    """
    unit = unit.copy()
    moves: list[pl.DataFrame] = []
    known: float | None = None
    for _ in range(ROUNDS):
        met = unit_pairs(pairs, unit, model, prior + (known or 0.0))
        likely = _likely(met, anchored, aside, apart)
        moved = _stars(_choose(likely, met, anchored, model), anchored)
        if moved.is_empty():
            if known is not None:
                break
            known = known_bits(moves, sought, model)
            if not known:
                break
            continue
        moves.append(moved)
        into = np.arange(unit.max() + 1)
        into[moved["unit"].to_numpy()] = moved["into"].to_numpy()
        unit = into[unit]
        apart = apart.select(
            pl.Series(name, into[apart[name].to_numpy()], dtype=pl.Int64)
            for name in ("a", "b")
        )
    empty = pl.DataFrame(
        schema={
            "unit": pl.Int64,
            "into": pl.Int64,
            "weight": pl.Float32,
            "by_source": pl.Boolean,
        }
    )
    pooled = unit_pairs(pairs, unit, model, prior + (known or 0.0))
    return Joined(
        pl.concat([empty, *moves]),
        _unsettled(pooled, anchored, aside, apart, model),
    )


def known_bits(moves: list[pl.DataFrame], sought: pl.Series, model: LinkModel) -> float:
    """How much likelier it is that a person is here than that they are not.

    The prior asks which one of everybody it is, as if being nobody here were as likely
    as being somebody. Where nearly all who were sought have been found, it is not. A
    few tell little (DOUBT), and more than the model's `most_known_bits` is not said.
    """
    found = sum(
        moved.filter(pl.col("unit").is_in(sought.implode())).height for moved in moves
    )
    left = sought.len() - found
    odds = log2((found + DOUBT) / (left + DOUBT))
    return min(max(odds, 0.0), model.most_known_bits)


def _likely(
    pairs: pl.DataFrame, anchored: pl.Series, aside: pl.Series, apart: pl.DataFrame
) -> pl.DataFrame:
    """Pairs that may be joined at all."""
    ordered = apart.select(
        a=pl.min_horizontal("a", "b"), b=pl.max_horizontal("a", "b")
    ).unique()
    a, b = pl.col("a"), pl.col("b")
    held, kept = anchored.implode(), aside.implode()
    return pairs.filter(
        ~pl.col("vetoed")
        & ~(a.is_in(held) & b.is_in(held))
        & ~a.is_in(kept)
        & ~b.is_in(kept)
    ).join(ordered, on=["a", "b"], how="anti")


def _both_ways(pairs: pl.DataFrame, anchored: pl.Series) -> pl.DataFrame:
    """unit, other, weight, by_source: each pair as its numberless units see it."""
    held = anchored.implode()
    there = pairs.select("weight", "by_source", unit="a", other="b")
    back = pairs.select("weight", "by_source", unit="b", other="a")
    return pl.concat([there, back]).filter(~pl.col("unit").is_in(held))


def _choose(
    likely: pl.DataFrame, met: pl.DataFrame, anchored: pl.Series, model: LinkModel
) -> pl.DataFrame:
    """unit, into, weight of each unit that has one clear candidate.

    Nothing joins a unit that cannot be told itself (a newborn without a forename
    would draw its twin's records to it).
    """
    options = _both_ways(likely, anchored)
    held = anchored.implode()
    both_held = pl.col("a").is_in(held) & pl.col("b").is_in(held)
    # What could be one person with the best candidate is no rival of it.
    same = met.filter(~pl.col("rivals") & ~both_held).select("a", "b")
    best, torn = _best(options, same, anchored, model)
    if torn.height:
        options = options.join(torn.select(other="unit"), on="other", how="anti")
        best, torn = _best(options, same, anchored, model)
    return best.join(torn, on="unit", how="anti")


def _best(
    options: pl.DataFrame, same: pl.DataFrame, anchored: pl.Series, model: LinkModel
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The best candidate of each unit (unit, into, weight), and units torn (unit).

    Torn: a rival is close, and cannot be the best candidate's own other record.
    """
    held = anchored.implode()
    best = (
        options.filter(pl.col("weight") >= model.accept_bits)
        .with_columns(held=pl.col("other").is_in(held))
        .sort("unit", pl.col("weight") * -1, ~pl.col("held"), "other")
        .unique("unit", keep="first", maintain_order=True)
        .select("unit", "weight", "by_source", into="other")
    )
    rivals = (
        options.join(best.select("unit", "into", top="weight"), on="unit")
        .filter(
            (pl.col("other") != pl.col("into"))
            & (pl.col("weight") > pl.col("top") - model.clear_bits)
        )
        .with_columns(
            a=pl.min_horizontal("other", "into"), b=pl.max_horizontal("other", "into")
        )
    )
    torn = rivals.join(same, on=["a", "b"], how="anti").select("unit").unique()
    return best, torn


def _stars(chosen: pl.DataFrame, anchored: pl.Series) -> pl.DataFrame:
    """The moves of one round: into units that do not themselves move in it.

    Two that choose each other: the higher number moves.
    """
    held = anchored.implode()
    where = chosen.select(into="unit", onward="into")
    moves = chosen.join(where, on="into", how="left").filter(
        pl.col("into").is_in(held)
        | pl.col("onward").is_null()
        | ((pl.col("onward") == pl.col("unit")) & (pl.col("unit") > pl.col("into")))
    )
    # Nothing moves into what moves away in the same round.
    leaving = moves.select(into="unit")
    return moves.join(leaving, on="into", how="anti").select(
        "unit", "into", "weight", "by_source"
    )


def _unsettled(
    pooled: pl.DataFrame,
    anchored: pl.Series,
    aside: pl.Series,
    apart: pl.DataFrame,
    model: LinkModel,
) -> pl.DataFrame:
    """Likely pairs that stayed apart, each with the reason; the best of each unit."""
    held, kept = anchored.implode(), aside.implode()
    a, b = pl.col("a"), pl.col("b")
    ordered = apart.select(
        a=pl.min_horizontal("a", "b"), b=pl.max_horizontal("a", "b")
    ).unique()
    likely = pooled.filter(pl.col("weight") >= model.accept_bits).join(
        ordered, on=["a", "b"], how="anti"
    )
    why = (
        pl.when(a.is_in(kept) | b.is_in(kept))
        .then(pl.lit("two_numbers"))
        .when(pl.col("vetoed"))
        .then(pl.lit("contradicted"))
        .otherwise(pl.lit("second_close"))
    )
    first = a.is_in(kept) | (~a.is_in(held) & ~b.is_in(kept))
    two_people = a.is_in(held) & b.is_in(held) & ~a.is_in(kept) & ~b.is_in(kept)
    return (
        likely.filter(~two_people)
        .select(
            unit=pl.when(first).then(a).otherwise(b),
            other=pl.when(first).then(b).otherwise(a),
            weight="weight",
            why=why,
        )
        .sort("unit", pl.col("weight") * -1, "other")
        .unique("unit", keep="first", maintain_order=True)
    )
