"""What GP records of a shard say to every part of every score's ways."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from linkage.vocabulary import EVENT_KINDS
from risk.steps.code_bits import (
    BITS,
    Flags,
    Found,
    Order,
    Question,
    Words,
    answers,
    beginnings,
    days_before,
    find,
)
from risk.steps.score_tables import ScoreTables
from risk.steps.ways import (
    BNF,
    SUBSTANCE,
    Coded,
    Different,
    Flagged,
    LastTwo,
    Part,
)

Values = NDArray[np.float64]


def held(
    events: pl.DataFrame,
    order: Order,
    features: pl.DataFrame,
    tables: ScoreTables,
    event_kinds: Sequence[str],
    as_of: date,
) -> dict[Part, Flags]:
    """Return, for each part, whether it holds for each person of `features`.

    `events` as `score` has them; only those of `event_kinds` count.
    """
    kinds = [EVENT_KINDS[kind] for kind in event_kinds]
    made: dict[Part, Flags] = {}
    for system, questions in tables.record.items():
        # Lazily: an eager filter over a frame of many chunks takes ten times as long.
        rows = (
            events.lazy()
            .filter((pl.col("system") == system) & pl.col("kind").is_in(kinds))
            .select("person_no", "on_date", "code", "value")
            .collect()
        )
        found = find(rows, order, questions, as_of)
        words = answers(found, questions, order.people)
        coded = [
            part
            for part in tables.parts
            if isinstance(part, Coded) and part.asked.system == system
        ]
        made |= coded_parts(coded, questions.place, found, words, order.people)
        for part in tables.parts:
            if isinstance(part, LastTwo) and part.asked.system == system:
                place = questions.place[part.question]
                made[part] = last_two(part, place, found, rows["value"], order.people)
            elif isinstance(part, Different) and system == BNF:
                made[part] = different(part, found, rows, order, as_of)
    for part in tables.parts:
        if isinstance(part, Flagged):
            flag = features[part.feature].cast(pl.Boolean).fill_null(value=False)
            made[part] = flag.to_numpy()
    return made


def coded_parts(
    parts: Sequence[Coded],
    place: Mapping[Question, int],
    found: Found,
    words: Words,
    people: int,
) -> dict[Part, Flags]:
    """Answer the coded parts of one system from its rows and its ORed words."""
    made: dict[Part, Flags] = {}
    once = [part for part in parts if part.times == 1]
    for part in once:
        word, bit = divmod(place[part.question], BITS)
        has = (words[:, word] >> np.uint64(bit) & np.uint64(1)).astype(np.bool_)
        made[part] = ~has if part.absent else has
    for part in parts:
        if part.times > 1:
            rows = found.having(place[part.question])
            if part.within_days is not None:
                rows &= found.days < part.within_days
            counted = np.bincount(found.place[rows], minlength=people)
            made[part] = counted >= part.times
    return made


def last_two(
    part: LastTwo, place: int, found: Found, values: pl.Series, people: int
) -> Flags:
    """Answer a part about values; of two on one day the higher counts as later."""
    rows = np.flatnonzero(found.having(place))
    value = values.gather(found.row[rows]).cast(pl.Float64).fill_null(0).to_numpy()
    plausible = (value > 0) & (value <= part.most)
    rows, value = rows[plausible], value[plausible]
    made = np.zeros(people, dtype=np.bool_)
    if not len(rows):
        return made
    who, days = found.place[rows], found.days[rows]
    starts = beginnings(who)
    each = np.diff(starts, append=len(who))

    def highest(latest: NDArray[np.int32]) -> Values:
        """The highest value of each person's day."""
        on_day = np.where(days == np.repeat(latest, each), value, 0.0)
        top: Values = np.maximum.reduceat(on_day, starts)
        return top

    last = np.minimum.reduceat(days, starts)
    on_last = days == np.repeat(last, each)
    last_value = highest(last)
    # Two values on the last day are both of the last two, and the higher is known.
    alone = np.add.reduceat(on_last.astype(np.int32), starts) == 1
    before_last = np.minimum.reduceat(
        np.where(on_last, np.iinfo(np.int32).max, days), starts
    )
    both = np.maximum(last_value, np.where(alone, highest(before_last), 0.0))
    made[who[starts]] = both < part.below
    return made


def different(
    part: Different, found: Found, rows: pl.DataFrame, order: Order, as_of: date
) -> Flags:
    """Count each person's different substances; `rows` are those of the BNF."""
    days = days_before(as_of, rows["on_date"])
    recent = np.flatnonzero((days >= 0) & (days < part.within_days))
    place = order.of(rows["person_no"].to_numpy()[recent])
    codes = found.known.codes.categories
    stems = tuple(stem for one in part.leave_out for stem in one.codes)
    # The codes that are left out share the number 0.
    numbers = codes.str.slice(0, SUBSTANCE).rank("dense").to_numpy().astype(np.int64)
    if stems:
        numbers[[code.startswith(stems) for code in codes.to_list()]] = 0
    kinds = int(numbers.max(initial=0)) + 1
    substance = numbers[found.codes[recent]]
    counted = (substance > 0) & (place >= 0)
    key = np.unique(place[counted].astype(np.int64) * kinds + substance[counted])
    many: Flags = np.bincount(key // kinds, minlength=order.people) >= part.times
    return many
