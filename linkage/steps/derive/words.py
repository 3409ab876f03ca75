"""The closed words of the traits of people, in the order that pages show them."""

from linkage.vocabulary import ETHNICITIES

AGE_BANDS = (*(f"{low:02d}-{low + 4:02d}" for low in range(0, 90, 5)), "90+")
DECILES = tuple(str(n) for n in range(1, 11))
FIFTHS = DECILES[:5]
# The seven domains of the English Indices of Deprivation, as deciles of an area.
IMD_DOMAINS = (
    "imd_income",
    "imd_employment",
    "imd_education",
    "imd_health",
    "imd_crime",
    "imd_housing",
    "imd_environment",
)
ETHNICITY_GROUPS = ("White", "Mixed", "Asian", "Black", "Other", "Not known")

CATEGORIES: dict[str, tuple[str, ...]] = {
    "sex": ("F", "M", "U"),
    "age_band": AGE_BANDS,
    "ethnicity": tuple(ETHNICITIES),
    "ethnicity_group": ETHNICITY_GROUPS,
    "imd_decile": DECILES,
    "imd_fifth": FIFTHS,
    **dict.fromkeys(IMD_DOMAINS, DECILES),
    "rurality": ("urban", "rural"),
}
NUMBERS = ("age_years", "fuel_poverty_percent")
