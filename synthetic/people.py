"""Who lives in the demo ICS: households, ages, addresses, practices and moves."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from synthetic.chance import rng_for
from synthetic.crowd import Crowd, gather
from synthetic.geography import World
from synthetic.moves import STILL, addresses, make_stays, registrations
from synthetic.naming import name_people
from synthetic.nhs_numbers import nhs_numbers
from synthetic.progress import Progress

YEARS_BACK = 5
LONG_AGO = -100_000  # days: 1696
# Main language other than English (Census 2021, TS024 by ethnic group, rounded).
OTHER_LANGUAGE = {
    "C": (0.42, "pl ro pt es it lt bg uk"), "H": (0.15, "gu pa hi ta"),
    "J": (0.16, "ur pa"), "K": (0.22, "bn"), "L": (0.20, "ta ne tl"),
    "N": (0.16, "so am fr ti"), "R": (0.35, "zh"),
    "S": (0.35, "ar fa ku tr"),
}  # fmt: skip
NEEDS_INTERPRETER = 0.2
# About 5.4% of patients have a national data opt-out and about as many a Type 1 opt-out
# (NHS England, National Data Opt-out and GP Type 1 opt-out publications, 2024).
OPT_OUT_QUANTILE = 0.151
TYPE1 = 0.054


@dataclass(frozen=True)
class People:
    """Everyone who lived here at any time in the window, and where.

    persons (sorted; `person` is the row number, int32): person, sex ("M", "F"),
        born_on, ethnicity (NHS 16+1 letter, never Z), household (int32), lsoa_code
        (last one here), imd_decile, imd_fifth (1 = most deprived), practice_code
        (last one; null for the few registered nowhere), care_home (bool), arrived_on
        (start of the window for those here by then; birth date of the born),
        left_on (null while here; deaths are decided elsewhere and later), interpreter
        (bool), language (ISO 639-1), type1_opt_out_on (date or null),
        national_opt_out (bool), nhs_number (the true one, 10 digits), surname,
        forename, middle_name, birth_surname, la_code, kin (another person of the
        household, or oneself).
    addresses (by person, start_on): person, postcode, lsoa_code, line1, start_on,
        end_on (null = still), care_home_code (null = at home).
    registrations (by person, start_on): person, practice_code, patient_id (the
        practice system's own id of this patient: the `patient_id` of the GP feeds),
        start_on, end_on (null = still), reason.
    window: (first day, as_of).
    sources: alias to trust code, {"mhsds": "RZ3", "csds": "RZ4"}.
    source_kinds: kind of each source: trust codes and la_codes to "acute",
        "mental_health", "community" or "council"; "pds" and "gp" to themselves.
    """

    persons: pl.DataFrame
    addresses: pl.DataFrame
    registrations: pl.DataFrame
    window: tuple[date, date]
    sources: dict[str, str]
    source_kinds: dict[str, str]
    seed: int


def make_people(
    world: World, n: int, seed: int, as_of: date, progress: Progress | None = None
) -> People:
    """Invent about `n` people living here at `as_of`, and those who left before.

    There are some 1.2 n rows in `persons`: about a fifth die or leave in the window.
    """
    report = progress or Progress(quiet=True)
    begin = as_of.replace(year=as_of.year - YEARS_BACK) + timedelta(days=1)
    window = (_day(begin), _day(as_of))
    report("people", 0, n, "people")
    crowd = gather(world, n, window, seed)
    stays = make_stays(
        world, crowd.first_area, crowd.head_age, crowd.care_household, window, seed
    )
    who = pl.DataFrame(
        {
            "person": np.arange(len(crowd.born), dtype=np.int32),
            "household": crowd.household.astype(np.int32),
            "arrived": np.where(crowd.arrived > window[0], crowd.arrived, LONG_AGO),
            "born": crowd.born,
            "left": crowd.left,
        }
    )
    homes = addresses(world, who, stays, seed)
    lists = registrations(world, homes, window, seed)
    report("people", n, n, "people")
    persons = _persons(world, crowd, who, homes, lists, seed)
    return People(
        persons=persons,
        addresses=homes.select(
            "person", "postcode", "lsoa_code", "line1",
            start_on=_date("start"), end_on=_date("end"),
            care_home_code="care_home_code",
        ),
        registrations=lists.with_columns(
            start_on=_date("start_on"), end_on=_date("end_on")
        ),
        window=(begin, as_of),
        sources={
            "mhsds": world.trusts_of("mental_health")[0],
            "csds": world.trusts_of("community")[0],
        },
        source_kinds={
            **dict(world.trusts.select("trust_code", "kind").iter_rows()),
            **dict.fromkeys(world.councils["la_code"], "council"),
            "pds": "pds",
            "gp": "gp",
        },
        seed=seed,
    )  # fmt: skip


def _persons(
    world: World,
    crowd: Crowd,
    who: pl.DataFrame,
    homes: pl.DataFrame,
    lists: pl.DataFrame,
    seed: int,
) -> pl.DataFrame:
    rng = rng_for(seed, "persons")
    n = who.height
    names = name_people(
        crowd.ethnicity,
        crowd.female,
        1970 + crowd.born // 365.2425,
        crowd.mother,
        crowd.partner,
        crowd.twin_of,
        rng,
    )
    language, interpreter = _languages(crowd.ethnicity, rng)
    national, type1 = _opt_outs(crowd, rng)
    last = homes.group_by("person", maintain_order=True).last()
    councils = world.councils.select("council_code", "la_code")
    area = world.areas.select("lsoa_code", "imd_decile", "council_code")
    practice = lists.group_by("person", maintain_order=True).last()
    return (
        who.with_columns(
            sex=pl.Series(np.where(crowd.female, "F", "M")),
            born_on=_date("born"),
            ethnicity=pl.Series(crowd.ethnicity),
            arrived_on=pl.Series(crowd.arrived).cast(pl.Int32).cast(pl.Date),
            left_on=_date("left"),
            interpreter=pl.Series(interpreter),
            language=pl.Series(language),
            type1_opt_out_on=pl.Series(type1).cast(pl.Date),
            national_opt_out=pl.Series(national),
            nhs_number=pl.Series(nhs_numbers(n, rng)).cast(pl.String),
            surname=pl.Series(names.surname, dtype=pl.String),
            forename=pl.Series(names.forename, dtype=pl.String),
            middle_name=pl.Series(names.middle, dtype=pl.String),
            birth_surname=pl.Series(names.birth_surname, dtype=pl.String),
            kin=_kin(crowd.household),
        )
        .join(
            last.select("person", "lsoa_code", "care_home_code"),
            on="person",
            how="left",
        )
        .join(area, on="lsoa_code", how="left", maintain_order="left")
        .join(councils, on="council_code", how="left", maintain_order="left")
        .join(practice.select("person", "practice_code"), on="person", how="left")
        .sort("person")
        .with_columns(
            care_home=pl.col("care_home_code").is_not_null(),
            imd_fifth=((pl.col("imd_decile") + 1) // 2).cast(pl.Int8),
        )
        .select(
            "person", "sex", "born_on", "ethnicity", "household", "lsoa_code",
            "imd_decile", "imd_fifth", "practice_code", "care_home", "arrived_on",
            "left_on", "interpreter", "language", "type1_opt_out_on",
            "national_opt_out", "nhs_number", "surname", "forename", "middle_name",
            "birth_surname", "la_code", "kin",
        )
    )  # fmt: skip


def _languages(
    ethnicity: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Main language (ISO 639-1) and whether an interpreter is needed."""
    n = len(ethnicity)
    language = np.full(n, "en", dtype="U2")
    u = rng.random(n)
    for letter, (share, others) in OTHER_LANGUAGE.items():
        speaks = (ethnicity == letter) & (u < share)
        language[speaks] = rng.choice(others.split(), size=speaks.sum())
    return language, (language != "en") & (rng.random(n) < NEEDS_INTERPRETER)


def _opt_outs(crowd: Crowd, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """National opt-out (bool) and day of the Type 1 opt-out (NaT: none)."""
    n = len(crowd.born)
    # Families decide together: the same chance for a household, then each for oneself.
    keen = rng.random(crowd.household.max() + 1)[crowd.household]
    national = (0.7 * keen + 0.3 * rng.random(n)) < OPT_OUT_QUANTILE
    type1 = np.where(rng.random(n) < 0.5, national, rng.random(n) < TYPE1)
    # Most were set before the deadline first announced for GPDPR in 2021.
    day = np.where(
        rng.random(n) < 0.7,
        _day(date(2021, 5, 1)) + rng.integers(0, 120, n),
        _day(date(2020, 1, 1)) + rng.integers(0, 2_000, n),
    )
    day = np.maximum(day, np.maximum(crowd.born, crowd.arrived) + 30)
    return national, np.where(
        type1, day, np.datetime64("NaT", "D").astype("int64")
    ).astype("datetime64[D]")


def _kin(household: np.ndarray) -> pl.Series:
    """The next person of the same household, in a circle."""
    order = np.argsort(household, kind="stable")
    home = household[order]
    first = np.searchsorted(home, home)
    following = np.append(home[1:] == home[:-1], False)
    kin = np.empty(len(order), dtype=np.int32)
    kin[order] = np.where(following, np.append(order[1:], 0), order[first])
    return pl.Series(kin)


def _day(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _date(column: str) -> pl.Expr:
    """Days since 1970 as a date; `STILL` becomes null."""
    return (
        pl.when(pl.col(column) != int(STILL)).then(pl.col(column)).cast(pl.Date)
    ).alias(column)
