"""Fill an empty store with invented histories, for measuring what reads it.

Not through the road of a feed: only the store's own tables are needed, with rows like
those that the road leaves. Codes are those of the product's lists and as many that are
on none.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from adbc_driver_postgresql import dbapi
from numpy.typing import NDArray

from linkage import bulk
from linkage.feature_definitions import codelists
from linkage.vocabulary import (
    ACTIVITY_KINDS,
    ETHNICITIES,
    EVENT_KINDS,
    SETTINGS,
    SYSTEMS,
    URGENCIES,
)

TABLES = ("person", "registration", "residence", "event", "activity")
CHUNK = 62_500
EVENTS, ACTIVITIES = 60, 15  # a person, on average
YEARS = 5
UNLISTED = 2_000  # codes of each system that no list holds
# Kind, system, share of events, share with a value.
EVENT_MIX = (
    ("observation", "snomed", 0.50, 0.6),
    ("prescription", "bnf", 0.36, 0.0),
    ("diagnosis", "icd10", 0.12, 0.0),
    ("procedure", "opcs4", 0.02, 0.0),
)
# Setting, kind, urgency, outcome, share, mean nights, pounds.
ACTIVITY_MIX = (
    ("gp", "appointment", None, "Attended", 0.46, 0.0, 38.0),
    ("gp", "appointment", None, "DNA", 0.03, 0.0, None),
    ("outpatient", "attendance", None, "5", 0.20, 0.0, 155.0),
    ("emergency", "attendance", "emergency", None, 0.08, 0.0, 250.0),
    ("admitted", "spell", "emergency", "1", 0.04, 4.0, 2400.0),
    ("admitted", "spell", "elective", "1", 0.03, 1.0, 1500.0),
    ("mental_health", "contact", None, None, 0.05, 0.0, 175.0),
    ("community", "contact", None, "3", 0.08, 0.0, 62.0),
    ("social_care", "service", None, None, 0.03, 300.0, 9000.0),
)
REASONS = ("J189", "J441", "I500", "R296", "S720", "N390", "Home Visit", "Telephone")
SPECIALTIES = ("110", "130", "320", "340", "430", "GP", "Nurse")


@dataclass(frozen=True)
class Codes:
    """Codes to draw from, by system, common ones more often."""

    by_system: dict[str, pl.Series]

    def drawn(self, system: str, times: int, rng: np.random.Generator) -> pl.Series:
        found = self.by_system[system]
        rank = (len(found) * rng.random(times) ** 2).astype(np.uint32)
        return found.gather(rank)


def places(people: int, reference: Path) -> int:
    """Draw and load organisations and areas; returns how many LSOAs."""
    from linkage.reference.actions import load_reference
    from synthetic.fictional import draw_reference

    draw_reference(reference, people, seed=1)
    return load_reference(folder=reference, by="benchmark").counts["lsoa"]


def fill(people: int, reference: Path, as_of: date, *, after: int = 0) -> int:
    """Fill the tables of persons; returns how many rows. Runs as the migrator.

    Its tables stay without keys and write-ahead log: they are thrown away. Person
    numbers begin after `after`.
    """
    from synthetic.geography import read_world

    world = read_world(reference)
    practices, areas = world.practices["practice_code"], world.areas["lsoa_code"]
    codes = _codes()
    rows = 0
    with bulk.connect("default") as target:
        _bare(target)
        for first in range(0, people, CHUNK):
            rng = np.random.default_rng([7, first])
            ids = np.arange(first, min(first + CHUNK, people), dtype=np.int32)
            ids += 1 + after
            frames = {
                **_people(ids, practices, areas, as_of, rng),
                "event": _events(ids, codes, as_of, rng),
                "activity": _activities(ids, practices, as_of, rng),
            }
            for table, frame in frames.items():
                bulk.copy(target, frame, table)
                rows += frame.height
        target.commit()
    return rows


def _bare(target: dbapi.Connection) -> None:
    """Take keys, log and row-level security from the tables of persons."""
    statements = []
    for table in TABLES:
        statements += [
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey",
        ]
        statements += [
            f"ALTER TABLE {table}_p{shard:02d} SET UNLOGGED" for shard in range(16)
        ]
    bulk.execute(target, *statements)


def key(*, logged: bool) -> None:
    """Give the filled tables their keys back, and their log. Runs as the migrator."""
    with bulk.connect("default") as target:
        for table in TABLES:
            key = "person_no" if table == "person" else "person_no, record_key"
            bulk.execute(target, f"ALTER TABLE {table} ADD PRIMARY KEY ({key})")
            for shard in range(16) if logged else ():
                bulk.execute(target, f"ALTER TABLE {table}_p{shard:02d} SET LOGGED")
        target.commit()


def _codes() -> Codes:
    """The listed codes of each system, shuffled among as many unlisted ones."""
    rng = np.random.default_rng(3)
    found: dict[str, pl.Series] = {}
    for system in ("snomed", "bnf", "icd10", "opcs4"):
        listed = [
            code
            for codelist in codelists().values()
            if codelist.spec.system == system
            for code in sorted(codelist.codes)
        ]
        if system == "bnf":
            listed = [f"{code:A<15}" for code in listed]
        others = [f"9{system[0].upper()}{n:05d}" for n in range(UNLISTED)]
        every = np.array(sorted({*listed, *others}))
        found[system] = pl.Series(every[rng.permutation(len(every))])
    return Codes(found)


def _people(
    ids: NDArray[np.int32],
    practices: pl.Series,
    areas: pl.Series,
    as_of: date,
    rng: np.random.Generator,
) -> dict[str, pl.DataFrame]:
    n = len(ids)
    practice = practices.gather(rng.integers(0, len(practices), n))
    area = areas.gather(rng.integers(0, len(areas), n))
    age_days = (rng.beta(1.4, 1.8, n) * 95 * 365).astype(np.int32)
    born = _days(as_of, age_days).dt.truncate("1mo")
    letters = np.array(list(ETHNICITIES))[rng.integers(0, len(ETHNICITIES), n)]
    start = _days(as_of, np.full(n, 3_000))
    person = pl.DataFrame(
        {
            "person_no": ids,
            "sex": np.where(rng.random(n) < 0.5, "F", "M"),
            "birth_month": born,
            "ethnicity": letters,
            "practice_code": practice,
            "lsoa_code": area,
            "national_opt_out": rng.random(n) < 0.05,
        }
    )
    key = pl.Series(ids).cast(pl.Int64)
    span = {"person_no": ids, "record_key": key, "subject_key": key, "start_on": start}
    one = pl.lit(1, pl.Int32).alias("run_id")
    return {
        "person": person,
        "registration": pl.DataFrame(span | {"practice_code": practice}).with_columns(
            one
        ),
        "residence": pl.DataFrame(
            span | {"lsoa_code": area, "in_care_home": rng.random(n) < 0.01}
        ).with_columns(one),
    }


def _days(as_of: date, back: NDArray[np.int32]) -> pl.Series:
    day = (as_of - date(1970, 1, 1)).days
    return pl.Series((day - back).astype(np.int32)).cast(pl.Date)


def _of_each(
    ids: NDArray[np.int32], mean: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Person numbers, each as often as they have rows: few have many."""
    times = rng.poisson(rng.gamma(1.5, mean / 1.5, len(ids)))
    return np.repeat(ids, times)


def _common(
    who: NDArray[np.int32], as_of: date, rng: np.random.Generator
) -> tuple[dict[str, object], pl.Series, pl.Series]:
    n = len(who)
    back = (rng.random(n) * 365 * YEARS).astype(np.int32)
    late = np.minimum(rng.integers(0, 20, n), back)
    key = pl.Series(rng.integers(-(2**62), 2**62, n))
    subject = pl.Series(who).cast(pl.Int64)
    common = {"person_no": who, "record_key": key, "subject_key": subject}
    return common, _days(as_of, back), _days(as_of, back - late)


def _events(
    ids: NDArray[np.int32], codes: Codes, as_of: date, rng: np.random.Generator
) -> pl.DataFrame:
    parts = []
    everybody = _of_each(ids, EVENTS, rng)
    which = rng.choice(len(EVENT_MIX), len(everybody), p=[m[2] for m in EVENT_MIX])
    for number, (kind, system, _, measured) in enumerate(EVENT_MIX):
        who = everybody[which == number]
        common, on, recorded = _common(who, as_of, rng)
        has = pl.Series(rng.random(len(who)) < measured)
        value = pl.Series(rng.normal(70, 30, len(who)).clip(1, 250).astype("f4"))
        parts.append(
            pl.DataFrame(common).with_columns(
                on.alias("on_date"),
                recorded.alias("recorded_on"),
                pl.lit(EVENT_KINDS[kind], pl.Int16).alias("kind"),
                pl.lit(SYSTEMS[system], pl.Int16).alias("system"),
                codes.drawn(system, len(who), rng).alias("code"),
                pl.when(has).then(value).alias("value"),
                pl.when(has).then(pl.lit("mmol/mol")).alias("unit"),
                pl.lit(5, pl.Int16).alias("feed_no"),
                pl.lit(1, pl.Int32).alias("run_id"),
            )
        )
    return pl.concat(parts).sort("person_no")


def _activities(
    ids: NDArray[np.int32], practices: pl.Series, as_of: date, rng: np.random.Generator
) -> pl.DataFrame:
    parts = []
    everybody = _of_each(ids, ACTIVITIES, rng)
    share = [mix[4] for mix in ACTIVITY_MIX]
    which = rng.choice(len(ACTIVITY_MIX), len(everybody), p=share)
    words = {"reason_code": REASONS, "specialty": SPECIALTIES}
    for number, (setting, kind, urgency, outcome, _, nights, pounds) in enumerate(
        ACTIVITY_MIX
    ):
        who = everybody[which == number]
        n = len(who)
        common, on, recorded = _common(who, as_of, rng)
        stay = rng.exponential(nights, n).astype(np.int32) if nights else np.zeros(n)
        ended = on + pl.Series(stay.astype(np.int64) * 86_400_000).cast(
            pl.Duration("ms")
        )
        parts.append(
            pl.DataFrame(common).with_columns(
                pl.lit(SETTINGS[setting], pl.Int16).alias("setting"),
                pl.lit(ACTIVITY_KINDS[kind], pl.Int16).alias("kind"),
                on.alias("start_on"),
                pl.when(ended <= as_of).then(ended).alias("end_on"),
                recorded.alias("recorded_on"),
                pl.lit(URGENCIES[urgency] if urgency else None, pl.Int16).alias(
                    "urgency"
                ),
                practices.gather(rng.integers(0, len(practices), n)).alias(
                    "provider_code"
                ),
                pl.lit(outcome, pl.String).alias("outcome"),
                *(
                    pl.Series(choice)
                    .gather(rng.integers(0, len(choice), n))
                    .alias(name)
                    for name, choice in words.items()
                ),
                pl.format("H{}", pl.Series(rng.integers(0, 12, n))).alias("seen_by"),
                pl.lit(pounds, pl.Float32).alias("cost_gbp"),
                pl.lit(7, pl.Int16).alias("feed_no"),
                pl.lit(1, pl.Int32).alias("run_id"),
            )
        )
    return pl.concat(parts).sort("person_no")
