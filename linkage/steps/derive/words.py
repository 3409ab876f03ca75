"""The closed words of the traits of people, in the order that pages show them."""

from linkage.vocabulary import ETHNICITIES

AGE_BANDS = (*(f"{low:02d}-{low + 4:02d}" for low in range(0, 90, 5)), "90+")
DECILES = tuple(str(n) for n in range(1, 11))
FIFTHS = DECILES[:5]
ETHNICITY_GROUPS = ("White", "Mixed", "Asian", "Black", "Other", "Not known")

CATEGORIES: dict[str, tuple[str, ...]] = {
    "sex": ("F", "M", "U"),
    "age_band": AGE_BANDS,
    "ethnicity": tuple(ETHNICITIES),
    "ethnicity_group": ETHNICITY_GROUPS,
    "imd_decile": DECILES,
    "imd_fifth": FIFTHS,
}
NUMBERS = ("age_years",)
