"""Who is in the picture at a date, and what is known of them besides their care."""

from datetime import date

import polars as pl

from linkage.steps.derive.words import AGE_BANDS, IMD_DOMAINS
from linkage.vocabulary import ETHNICITIES

REGISTERED = (
    "practice_code",
    "pcn_code",
    "neighbourhood_code",
    "place_code",
    "sub_icb_code",
    "icb_code",
)
RESIDENT = ("lsoa_code", "msoa_code", "ward_code", "district_code", "council_code")
AREA_TRAITS = (
    "imd_decile",
    "imd_fifth",
    "is_rural",
    *IMD_DOMAINS,
    "fuel_poverty_percent",
)
Geography = tuple[pl.DataFrame, pl.DataFrame]


def people_at(
    person: pl.DataFrame,
    registration: pl.DataFrame,
    residence: pl.DataFrame,
    geography: Geography,
    as_of: date,
) -> pl.DataFrame:
    """One row per person alive at `as_of` and registered or resident here then.

    Columns: `person_no`, the two hierarchies' codes, and every trait that a `person`
    rule may ask for. Sorted by `person_no`.
    """
    registered, resident = geography
    in_order = {"on": "person_no", "how": "left", "maintain_order": "left"}
    found = (
        _alive(person, as_of)
        .drop("practice_code", "lsoa_code", "in_care_home", strict=False)
        .join(_in_force(registration, "practice_code", as_of), **in_order)  # type: ignore[arg-type]
        .join(_in_force(residence, "lsoa_code", as_of), **in_order)  # type: ignore[arg-type]
    )
    # Codes outside this system's geography are other systems' people.
    found = found.with_columns(
        practice_code=_among("practice_code", registered),
        lsoa_code=_among("lsoa_code", resident),
    )
    found = found.filter(
        pl.col("practice_code").is_not_null() | pl.col("lsoa_code").is_not_null()
    )
    found = found.join(
        registered.select(REGISTERED), on="practice_code", how="left"
    ).join(
        resident.select(*RESIDENT, *AREA_TRAITS),
        on="lsoa_code",
        how="left",
    )
    return (
        found.with_columns(age_years=_age_years(as_of))
        .with_columns(*_traits(as_of))
        .select(
            pl.col("person_no").cast(pl.Int32),
            *REGISTERED,
            *RESIDENT,
            "sex",
            "age_years",
            "age_band",
            "ethnicity",
            "ethnicity_group",
            "imd_decile",
            "imd_fifth",
            *IMD_DOMAINS,
            "rurality",
            "fuel_poverty_percent",
            "is_registered",
            "is_resident",
            "in_care_home",
            "needs_interpreter",
            "type1_opt_out",
            "national_opt_out",
        )
        .sort("person_no")
    )


def _alive(person: pl.DataFrame, as_of: date) -> pl.DataFrame:
    born = pl.col("birth_month").is_null() | (pl.col("birth_month") <= as_of)
    living = pl.col("died_on").is_null() | (pl.col("died_on") > as_of)
    return person.filter(born & living)


def _in_force(spans: pl.DataFrame, code: str, as_of: date) -> pl.DataFrame:
    """The code of the latest span in force at a date, one row per person.

    Two that began on one day: the higher code, so that every run chooses alike.
    """
    kept = [code, "in_care_home"] if "in_care_home" in spans.columns else [code]
    return (
        spans.filter(
            (pl.col("start_on") <= as_of)
            & (pl.col("end_on").is_null() | (pl.col("end_on") > as_of))
        )
        .sort("start_on", code)
        .group_by("person_no")
        .agg(pl.col(name).last() for name in kept)
    )


def _among(code: str, known: pl.DataFrame) -> pl.Expr:
    return pl.when(pl.col(code).is_in(known[code].implode())).then(code)


def _age_years(as_of: date) -> pl.Expr:
    """Completed years; the store keeps the month of birth only, taken as its first."""
    month = pl.col("birth_month")
    not_yet = (month.dt.month() > as_of.month).cast(pl.Int32)
    return as_of.year - month.dt.year().cast(pl.Int32) - not_yet


def _traits(as_of: date) -> list[pl.Expr]:
    groups = {letter: group for letter, (_, group) in ETHNICITIES.items()}
    stated = pl.col("ethnicity").is_in(list(ETHNICITIES))
    position = (pl.col("age_years") // 5).clip(0, len(AGE_BANDS) - 1)
    return [
        pl.col("sex").replace_strict(
            {"F": "F", "M": "M"}, default="U", return_dtype=pl.String
        ),
        position.replace_strict(
            dict(enumerate(AGE_BANDS)), default=None, return_dtype=pl.String
        ).alias("age_band"),
        pl.when(stated).then("ethnicity").alias("ethnicity"),
        pl.col("ethnicity")
        .replace_strict(groups, default="Not known", return_dtype=pl.String)
        .alias("ethnicity_group"),
        pl.col("imd_decile").cast(pl.Int16).cast(pl.String),
        pl.col("imd_fifth").cast(pl.Int16).cast(pl.String),
        *(pl.col(name).cast(pl.Int16).cast(pl.String) for name in IMD_DOMAINS),
        pl.when("is_rural")
        .then(pl.lit("rural"))
        .when(~pl.col("is_rural"))
        .then(pl.lit("urban"))
        .alias("rurality"),
        pl.col("practice_code").is_not_null().alias("is_registered"),
        pl.col("lsoa_code").is_not_null().alias("is_resident"),
        pl.col("in_care_home").fill_null(value=False),
        (pl.col("type1_opt_out_on") <= as_of)
        .fill_null(value=False)
        .alias("type1_opt_out"),
        pl.col("national_opt_out").fill_null(value=False),
    ]
