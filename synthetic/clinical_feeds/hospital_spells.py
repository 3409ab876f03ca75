"""All hospital spells of a chunk: emergency, planned, maternity and births."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from synthetic.clinical_feeds.context import Context, Year
from synthetic.clinical_feeds.gp_codes import CODES
from synthetic.lives import EVERY, FAR, calibration
from synthetic.lives.spells import reasons

# Emergency admissions by method: HES 2022-23 Admitted Patient Care, rounded.
EMERGENCY_METHODS = ("21", "22", "28", "2A", "2D")
EMERGENCY_SHARE = (0.73, 0.12, 0.05, 0.07, 0.03)
PLANNED_METHODS = ("11", "12", "13")
PLANNED_SHARE = (0.62, 0.14, 0.24)
AT_HOME_TRUST = 0.9
MATERNITY, BIRTH = "31", "82"


@dataclass(frozen=True)
class Births:
    """Births in the window: person born, mother (may be -1) and day (arrays)."""

    baby: np.ndarray
    mother: np.ndarray
    day: np.ndarray


def births_of(persons: pl.DataFrame, start_day: int) -> Births:
    """Babies born here, each with a woman of 16 to 49 of the same household."""
    day = persons["born_on"].cast(pl.Int32)
    babies = persons.filter(
        (day >= start_day) & (pl.col("born_on") == pl.col("arrived_on"))
    ).select("person", "household", "born_on")
    women = persons.filter(pl.col("sex") == "F").select(
        "household", mother="person", mother_born="born_on"
    )
    pairs = (
        babies.join(women, on="household")
        .with_columns(
            age=(pl.col("born_on") - pl.col("mother_born")).dt.total_days() / 365.25
        )
        .filter(pl.col("age").is_between(16, 49))
        .sort("person", "mother")
        .unique("person", keep="first", maintain_order=True)
    )
    whole = babies.join(
        pairs.select("person", "mother"), on="person", how="left", maintain_order="left"
    )
    return Births(
        baby=whole["person"].to_numpy(),
        mother=whole["mother"].fill_null(-1).to_numpy(),
        day=whole["born_on"].cast(pl.Int32).to_numpy(),
    )


@cache
def procedures() -> pl.DataFrame:
    """Planned procedures: mix by age, codes, stay and tariff."""
    return pl.read_csv(
        CODES / "procedures.csv", schema_overrides={"specialty": pl.String}
    ).with_columns(pl.col("conditions", "needs").fill_null(""))


def hospital_spells(ctx: Context, years: list[Year], births: Births) -> pl.DataFrame:
    """One row per spell, sorted by row and admission, with a spell number.

    Columns: row, admitted, discharged (day numbers; may be after as_of), died,
    method, icd10, opcs4 (null for none), hrg, tariff, specialty, day_case, trust
    (number among the acute trusts), reason (row of reasons(), -1 if not an emergency).
    """
    rng = ctx.rng("spells")
    parts = [
        _emergency(ctx, rng),
        *[_planned(ctx, year, rng) for year in years],
        _maternity(ctx, births, rng),
        _newborn(ctx, births, rng),
    ]
    frame = pl.concat(parts).sort("row", "admitted", "method")
    end = pl.Series(ctx.chunk.here_to[frame["row"].to_numpy()])
    frame = frame.filter(frame["admitted"] <= end)
    before = pl.col("discharged").cum_max().shift(1).over("row").fill_null(-FAR)
    after = pl.col("admitted").shift(-1).over("row").fill_null(FAR)
    clear = (pl.col("admitted") > before) & (pl.col("discharged") < after)
    frame = frame.filter(clear | (pl.col("reason") >= 0))
    away = (rng.random(frame.height) >= AT_HOME_TRUST).astype(np.int8)
    trusts = len(ctx.world.trusts_of("acute"))
    trust = (ctx.home_trust[frame["row"].to_numpy()] + away) % trusts
    return frame.with_columns(
        trust=pl.Series(trust.astype(np.int8)),
        spell=pl.Series(ctx.delivery.numbers("spell", frame.height)),
    )


def _frame(
    row: np.ndarray, admitted: np.ndarray, discharged: np.ndarray, **more: object
) -> pl.DataFrame:
    first = {
        "row": np.asarray(row, np.int32),
        "admitted": np.asarray(admitted, np.int32),
        "discharged": np.asarray(discharged, np.int32),
    }
    types = {
        "died": pl.Boolean,
        "method": pl.String,
        "icd10": pl.String,
        "opcs4": pl.String,
        "hrg": pl.String,
        "tariff": pl.Float32,
        "specialty": pl.String,
        "day_case": pl.Boolean,
        "reason": pl.Int16,
    }
    return pl.DataFrame(first).with_columns(
        **{
            name: (
                more[name] if isinstance(more[name], pl.Series) else pl.lit(more[name])
            ).cast(kind)
            for name, kind in types.items()
        }
    )


def _emergency(ctx: Context, rng: np.random.Generator) -> pl.DataFrame:
    spells = ctx.chunk.spells
    table = reasons()
    why = spells["reason"]
    own_site = condition_codes(ctx)["cancer"][spells["row"].to_numpy()]
    code = np.where(
        (table["needs"] == "cancer").gather(why), own_site, table["icd10"].gather(why)
    )
    methods = pl.Series(EMERGENCY_METHODS).gather(
        rng.choice(len(EMERGENCY_METHODS), spells.height, p=EMERGENCY_SHARE)
    )
    return _frame(
        spells["row"].to_numpy(),
        spells["admitted"].to_numpy(),
        spells["discharged"].to_numpy(),
        died=spells["died"],
        method=methods,
        icd10=pl.Series(code, dtype=pl.String),
        opcs4=None,
        hrg=table["hrg"].gather(why),
        tariff=table["tariff"].gather(why),
        specialty=table["specialty"].cast(pl.String).gather(why),
        day_case=False,
        reason=why,
    )


def _planned(ctx: Context, year: Year, rng: np.random.Generator) -> pl.DataFrame:
    rate = calibration.rate("elective_per_1000", year.age, ctx.chunk.traits.male)
    log = 0.22 * year.conditions - np.interp(
        year.age, [0, 40, 70, 90], [0, 0.25, 0.8, 1]
    )
    row, day = ctx.happen(year, rate * np.exp(log), rng)
    table = procedures()
    ages = calibration.ages_of(table)
    mix = table.select(pl.col("^age_.*$")).to_numpy().astype(float)
    weight = np.empty((len(row), table.height), dtype=np.float32)
    for i, (keys, ratio, needs) in enumerate(
        table.select("conditions", "ratio", "needs").iter_rows()
    ):
        weight[:, i] = np.interp(year.age[row], ages, mix[i])
        for key in filter(None, keys.split("|")):
            weight[year.with_(key)[row], i] *= ratio
        if needs:
            weight[~year.with_(needs)[row], i] = 0
    rising = weight.cumsum(axis=1)
    pick = rng.random(len(row), dtype=np.float32) * rising[:, -1]
    what = (rising < pick[:, None]).sum(axis=1).clip(0, table.height - 1)
    day_case = rng.random(len(row)) < table["day_case"].to_numpy()[what]
    stay = rng.exponential(table["stay_days"].to_numpy()[what]).astype(int) + 1
    code = table["icd10"].gather(what).to_numpy()
    own_site = condition_codes(ctx)["cancer"][row]
    code = np.where(table["needs"].gather(what) == "cancer", own_site, code)
    return _frame(
        row,
        day,
        day + np.where(day_case, 0, stay),
        died=False,
        method=pl.Series(PLANNED_METHODS).gather(
            rng.choice(len(PLANNED_METHODS), len(row), p=PLANNED_SHARE)
        ),
        icd10=pl.Series(code, dtype=pl.String),
        opcs4=table["opcs4"].gather(what),
        hrg=table["hrg"].gather(what),
        tariff=table["tariff"].gather(what),
        specialty=table["specialty"].gather(what),
        day_case=pl.Series(day_case),
        reason=-1,
    )


def _maternity(ctx: Context, births: Births, rng: np.random.Generator) -> pl.DataFrame:
    first, n = ctx.chunk.first, len(ctx.chunk.traits)
    own = (births.mother >= first) & (births.mother < first + n)
    row, day = births.mother[own] - first, births.day[own]
    here = (ctx.chunk.here_from[row] <= day) & (day <= ctx.chunk.here_to[row])
    row, day = row[here], day[here]
    section = rng.random(len(row)) < 0.36  # NHS Maternity Statistics 2022-23
    stay = np.where(section, 2, rng.integers(0, 3, len(row)))
    return _frame(
        row,
        day - rng.integers(0, 2, len(row)),
        day + stay,
        died=False,
        method=MATERNITY,
        icd10=pl.Series(np.where(section, "O829", "O809"), dtype=pl.String),
        opcs4=pl.Series(np.where(section, "R182", "R249"), dtype=pl.String),
        hrg=pl.Series(np.where(section, "NZ50C", "NZ30C"), dtype=pl.String),
        tariff=pl.Series(np.where(section, 4300.0, 2500.0)),
        specialty="501",
        day_case=False,
        reason=-1,
    )


def _newborn(ctx: Context, births: Births, rng: np.random.Generator) -> pl.DataFrame:
    first, n = ctx.chunk.first, len(ctx.chunk.traits)
    own = (births.baby >= first) & (births.baby < first + n)
    row, day = births.baby[own] - first, births.day[own]
    return _frame(
        row,
        day,
        day + rng.integers(0, 3, len(row)),
        died=False,
        method=BIRTH,
        icd10="Z380",
        opcs4=None,
        hrg="PB03Z",
        tariff=600.0,
        specialty="420",
        day_case=False,
        reason=-1,
    )


def condition_codes(ctx: Context) -> dict[str, np.ndarray]:
    """ICD-10 code of each condition per row: the same person's cancer has one site."""
    table = pl.read_csv(CODES / "icd10.csv")
    out = {
        key: np.full(len(ctx.chunk.traits), code)
        for key, code in table.select("condition", "icd10").iter_rows()
        if key in EVERY
    }
    site = ctx.rng("cancer site").integers(0, 3, len(ctx.chunk.traits))
    common = np.where(ctx.chunk.traits.male, "C61X", "C509")
    out["cancer"] = np.where(site == 0, common, np.where(site == 1, "C189", "C349"))
    return out
