"""Every published score of a million people from their coded records, beside pycomorb.

Scale 1 is 1,000,000 people with about 9 ICD-10 codes, 20 SNOMED CT codes, 10
prescriptions and 5 values each, invented at random and scored shard by shard as a
release does. The three indices that pycomorb shares (Charlson, Elixhauser, Hospital
Frailty) are then reckoned again by both over the same 9 million codes: here in the
shards of a release, there in one frame.
"""

import resource
import time
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import polars as pl

from benchmarks.figures import Figure
from linkage.definitions import FEEDS
from linkage.feature_definitions import codelists
from linkage.vocabulary import ACTIVITY_KINDS, EVENT_KINDS, SETTINGS, SYSTEMS, URGENCIES
from risk.definitions import SCORES, points_table, score_tables, tables_of
from risk.score_specs import CodedMethod
from risk.steps.score import score
from risk.steps.score_tables import ScoreTables

PEOPLE, SHARDS, SEED = 1_000_000, 16, 20260930
# As many shards at a time as the machine that is aimed at has cores.
WORKERS = 2
AS_OF = date(2026, 9, 30)
YEARS = 8
HOSPITAL, RECORDED, PRESCRIBED, MEASURED = 9, 20, 10, 5
FEED_NOS = {name: spec.number for name, spec in FEEDS.items()}
# What pycomorb calls the scores that it shares: its arguments, by our attribute.
SHARED = {
    "charlson": {"score": "charlson", "weights": "quan"},
    "elixhauser": {"score": "elixhauser", "weights": "van_walraven"},
    "hfrs": {"score": "hfrs"},
}
COMPARED = SHARED | {
    "charlson_1987": {"score": "charlson", "weights": "charlson"},
    "shmi_comorbidity": {
        "score": "charlson",
        "implementation": "uk_shmi",
        "weights": "uk_shmi",
    },
    "elixhauser_swiss": {"score": "elixhauser", "weights": "swiss"},
}
Frames = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


def run(scale: float) -> Iterable[Figure]:
    """Score all people shard by shard, then three scores beside pycomorb."""
    people = max(1_600, int(PEOPLE * scale))
    tables = score_tables()
    codes = Codes()
    seconds, processor, rows, made = 0.0, 0.0, 0, []
    with ThreadPoolExecutor(WORKERS) as pool:
        for first in range(0, SHARDS, WORKERS):
            shards = [
                invented(shard, people // SHARDS, codes)
                for shard in range(first, first + WORKERS)
            ]
            rows += sum(events.height for _, events, _ in shards)
            began, worked = time.perf_counter(), time.process_time()
            found = list(pool.map(scored, shards, [tables] * WORKERS))
            seconds += time.perf_counter() - began
            processor += time.process_time() - worked
            made += [
                one.select("person_no", *COMPARED).join(
                    features.select("person_no", "age_years"), on="person_no"
                )
                for one, (features, _, _) in zip(found, shards, strict=True)
            ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Figure("scores.people", people, "people", {"coded_rows": rows})
    yield Figure(
        "scores.seconds",
        round(seconds, 2),
        "s",
        {"scores": len(SCORES), "processor_s": round(processor, 1), "limit": 12},
    )
    yield Figure("scores.peak_mb", round(peak), "MiB", {"limit": 2048})
    ours = pl.concat(made)
    together = three_at_once(people, codes)
    theirs_seconds, theirs = pycomorb_scores(people, codes)
    yield Figure(
        "scores.pycomorb_ratio",
        round(theirs_seconds / together, 2),
        "x",
        {
            "pycomorb_s": round(theirs_seconds, 2),
            "ours_s": round(together, 2),
            "least": 4,
        },
    )
    yield Figure(
        "scores.mismatches",
        mismatches(ours, theirs),
        "values",
        {"values": people * len(COMPARED), "limit": 0},
    )


def scored(frames: Frames, tables: ScoreTables, terms: bool = True) -> pl.DataFrame:
    features, events, activity = frames
    return score(
        features,
        events,
        activity,
        tables=tables,
        feeds=FEED_NOS,
        as_of=AS_OF,
        terms=terms,
    )


def three_at_once(people: int, codes: "Codes") -> float:
    """Return the seconds that the three shared scores take, shard by shard.

    Like the peer's they come without what added to them.
    """
    shared = tuple(name for name, spec in SCORES.items() if spec.attribute in SHARED)
    tables = tables_of(shared)
    shards = [
        (features, of_hospital(events), activity)
        for features, events, activity in (
            invented(shard, people // SHARDS, codes) for shard in range(SHARDS)
        )
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        began = time.perf_counter()
        list(pool.map(scored, shards, [tables] * SHARDS, [False] * SHARDS))
        return time.perf_counter() - began


def pycomorb_scores(people: int, codes: "Codes") -> tuple[float, pl.DataFrame]:
    """Return pycomorb's seconds for the three, and its values for all it has."""
    import pycomorb

    frame = pl.concat(
        of_hospital(invented(shard, people // SHARDS, codes)[1])
        for shard in range(SHARDS)
    ).select(id="person_no", code="code", age=pl.lit(80))
    made, seconds = frame.select(person_no="id").unique(), 0.0
    for name, how in COMPARED.items():
        began = time.perf_counter()
        with warnings.catch_warnings(action="ignore"):
            found = pycomorb.comorbidity(df=frame, **how)
        if name in SHARED:
            seconds += time.perf_counter() - began
        # The age-adjusted column stands beside the index; the index is the second.
        made = made.join(
            found.select(
                person_no="id",
                value=pl.col(found.columns[1]).cast(pl.Float64),
            ).rename({"value": name}),
            on="person_no",
            how="left",
        )
    return seconds, made


def mismatches(ours: pl.DataFrame, theirs: pl.DataFrame) -> int:
    """Count the values that differ, and those that one has and the other lacks.

    `ours` has `age_years` beside the scores: a score must be absent for the ages that
    it refuses, and for nobody else, since everybody here has a hospital code.
    """
    both = ours.join(theirs, on="person_no", how="full", suffix="_theirs")
    specs = {spec.attribute: spec for spec in SCORES.values()}
    apart = []
    for name in COMPARED:
        ages = specs[name].ages
        meant = pl.col("age_years").is_between(ages.at_least, ages.at_most)
        same = (pl.col(name) - pl.col(f"{name}_theirs")).abs() <= 1e-9
        right = (
            pl.when(meant).then(same.fill_null(False)).otherwise(pl.col(name).is_null())
        )
        apart.append((~right).sum())
    missing = pl.col("person_no").is_null().sum()
    return int(both.select(pl.sum_horizontal(missing, *apart)).item())


class Codes:
    """What people are coded with: half of it is on some list."""

    def __init__(self) -> None:
        lists = codelists().values()
        on_lists = {
            name: sorted(
                {
                    code
                    for found in lists
                    if found.spec.system == name
                    for code in found.codes
                }
            )
            for name in ("snomed", "bnf")
        }
        stems = {
            stem
            for name, spec in SCORES.items()
            if isinstance(spec.method, CodedMethod)
            for stem in points_table(name).stems
            if len(stem) >= 3
        }
        any_icd10 = [
            f"{chr(65 + letter)}{number:02d}{last}"
            for letter in range(26)
            for number in range(100)
            for last in range(10)
        ]
        self.icd10 = np.array(any_icd10)
        self.scoring = np.array(sorted({(stem + "0")[:4] for stem in stems}))
        elsewhere = [f"{number}1000000103" for number in range(10_000, 14_000)]
        self.snomed = np.array(elsewhere + on_lists["snomed"])
        self.bnf = np.array(
            [f"{stem:0<9}AAAAAA"[:15] for stem in on_lists["bnf"]]
            + [f"{n:09d}AAAAAA" for n in range(20_000_000, 20_001_200)]
        )
        self.values = np.array(sorted(codelists()["egfr"].codes))
        self.other_values = np.array(sorted(codelists()["systolic"].codes))


def invented(shard: int, people: int, codes: Codes) -> Frames:
    """Make one shard's features, events and activity; the same every time."""
    random = np.random.default_rng([SEED, shard])
    first = shard * people
    numbers = np.arange(first, first + people, dtype=np.int32)
    parts = [
        coded(random, numbers, codes, HOSPITAL),
        of_kind(random, numbers, RECORDED, codes.snomed, "observation", "snomed"),
        of_kind(random, numbers, PRESCRIBED, codes.bnf, "prescription", "bnf"),
        of_kind(random, numbers, MEASURED - 2, codes.values, "observation", "snomed"),
        of_kind(random, numbers, 2, codes.other_values, "observation", "snomed"),
    ]
    return (
        people_with_flags(random, numbers),
        pl.concat(parts),
        admissions(random, numbers),
    )


def of_hospital(events: pl.DataFrame) -> pl.DataFrame:
    return events.filter(pl.col("system") == SYSTEMS["icd10"])


def coded(
    random: np.random.Generator, numbers: np.ndarray, codes: Codes, each: int
) -> pl.DataFrame:
    """Hospital codes: half of any kind, half that some index knows; all recent."""
    rows = len(numbers) * each
    anything = codes.icd10[random.integers(0, len(codes.icd10), rows)]
    scoring = codes.scoring[random.integers(0, len(codes.scoring), rows)]
    chosen = np.where(random.random(rows) < 0.5, anything, scoring)
    # Everybody has one code at least, so that everybody has been looked at.
    who = np.concatenate([numbers, random.choice(numbers, rows - len(numbers))])
    return frame(random, who, chosen, "diagnosis", "icd10", days=700)


def of_kind(
    random: np.random.Generator,
    numbers: np.ndarray,
    each: int,
    codes: np.ndarray,
    kind: str,
    system: str,
) -> pl.DataFrame:
    """Records of one kind, spread over people and years at random."""
    rows = len(numbers) * each
    chosen = codes[random.integers(0, len(codes), rows)]
    who = random.choice(numbers, rows)
    return frame(random, who, chosen, kind, system, days=365 * YEARS)


def frame(
    random: np.random.Generator,
    who: np.ndarray,
    codes: np.ndarray,
    kind: str,
    system: str,
    *,
    days: int,
) -> pl.DataFrame:
    """Put rows into the columns that a shard's events are read in."""
    today = (AS_OF - date(1970, 1, 1)).days
    on = (today - random.integers(0, days, len(who))).astype(np.int32)
    return pl.DataFrame(
        {"person_no": who.astype(np.int32), "on_date": on}
    ).with_columns(
        pl.col("on_date").cast(pl.Date),
        pl.lit(EVENT_KINDS[kind], pl.Int16).alias("kind"),
        pl.lit(SYSTEMS[system], pl.Int16).alias("system"),
        pl.Series("code", codes.tolist(), dtype=pl.String),
        pl.Series("value", random.normal(70, 20, len(who)), dtype=pl.Float32),
        pl.lit(FEED_NOS["sus_apc"], pl.Int16).alias("feed_no"),
    )


def people_with_flags(random: np.random.Generator, numbers: np.ndarray) -> pl.DataFrame:
    """What a release's features say of people, as far as scores read it."""
    n = len(numbers)
    flags = ("in_care_home", "is_housebound", "lives_alone", "long_term_social_care")
    levels = np.array(["mild", "moderate", "severe", None])
    return pl.DataFrame(
        {
            "person_no": numbers,
            "age_years": random.integers(18, 100, n, dtype=np.int32),
            "is_registered": np.ones(n, dtype=bool),
            "imd_decile": random.integers(1, 11, n).astype(str),
            "frailty_recorded": pl.Series(
                levels[random.integers(0, 4, n)].tolist(), dtype=pl.String
            ),
        }
        | {flag: random.random(n) < 0.05 for flag in flags}
    )


def admissions(random: np.random.Generator, numbers: np.ndarray) -> pl.DataFrame:
    """One spell for each third person and an A&E visit for each second."""
    today = (AS_OF - date(1970, 1, 1)).days
    made = []
    for setting, kind, share in (
        ("admitted", "spell", 3),
        ("emergency", "attendance", 2),
    ):
        who = numbers[::share]
        began = (today - random.integers(1, 700, len(who))).astype(np.int32)
        ended = np.minimum(began + random.integers(0, 20, len(who)), today)
        made.append(
            pl.DataFrame(
                {
                    "person_no": who,
                    "start_on": began,
                    "end_on": ended.astype(np.int32),
                }
            ).with_columns(
                pl.col("start_on", "end_on").cast(pl.Date),
                pl.lit(SETTINGS[setting], pl.Int16).alias("setting"),
                pl.lit(ACTIVITY_KINDS[kind], pl.Int16).alias("kind"),
                pl.lit(URGENCIES["emergency"], pl.Int16).alias("urgency"),
            )
        )
    return pl.concat(made)
