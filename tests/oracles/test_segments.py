"""Segments told in plain Python, person by person, against the frames of `assign`."""

from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.definitions import SCHEMES
from segmentation.steps.assign import assign

SCHEME = SCHEMES["bridges_to_health"]

LONG_TERM = [
    "hypertension",
    "diabetes_type1",
    "diabetes_type2",
    "coronary_heart_disease",
    "stroke_tia",
    "atrial_fibrillation",
    "peripheral_arterial_disease",
    "chronic_kidney_disease",
    "copd",
    "asthma",
    "cancer",
    "depression",
    "anxiety",
    "severe_mental_illness",
    "epilepsy",
    "rheumatoid_arthritis",
    "osteoporosis",
    "osteoarthritis",
    "chronic_liver_disease",
    "parkinsons",
    "hypothyroidism",
]


def slow_segment(p: dict) -> str:
    """The scheme as a clinician would tell it, written without looking at the YAML."""

    def has(condition: str) -> bool:
        return p[f"has_{condition}"] is True

    age, egfr = p["age_years"], p["latest_egfr"]
    admissions = p["emergency_admissions_12m"] or 0
    if has("dementia"):
        return "frailty_dementia"
    if (
        age is not None
        and age >= 65
        and p["frailty_recorded"] in ("moderate", "severe")
    ):
        return "frailty_dementia"
    if has("heart_failure") or (has("copd") and admissions >= 2):
        return "organ_failure"
    kidneys = egfr if egfr is not None and has("chronic_kidney_disease") else 99
    if kidneys < 15 or (kidneys < 30 and admissions >= 4):
        return "organ_failure"
    if has("chronic_liver_disease") and admissions >= 1:
        return "organ_failure"
    if p["on_palliative_register"]:
        return "short_decline"
    if has("learning_disability"):
        return "disability"
    if (
        age is not None
        and age < 65
        and (p["long_term_social_care"] or p["is_housebound"])
    ):
        return "disability"
    if any(has(condition) for condition in LONG_TERM):
        return "long_term_conditions"
    return "healthy"


FLAGS = [f for f in SCHEME.tested if f.startswith(("has_", "is_", "on_", "long_"))]
FLAGS = [f for f in FLAGS if not f.endswith("_on")]
DATES = [f for f in SCHEME.features if f.endswith(("_since", "_on"))]
PERSON = st.fixed_dictionaries(
    # Mostly absent, or nearly everybody would have dementia.
    {flag: st.sampled_from([None, False, False, False, False, True]) for flag in FLAGS}
    | {day: st.none() | st.just(date(2025, 2, 3)) for day in DATES}
    | {
        "age_years": st.none() | st.sampled_from([0, 40, 64, 65, 90]),
        "latest_egfr": st.none() | st.sampled_from([5, 14.9, 15, 29.9, 30, 80]),
        "emergency_admissions_12m": st.none() | st.integers(0, 5),
        "frailty_recorded": st.sampled_from([None, "mild", "moderate", "severe"]),
    }
)


@settings(max_examples=50, deadline=None)
@given(st.lists(PERSON, min_size=1, max_size=15))
def test_segments_are_as_a_clinician_would_tell_them(people: list[dict]) -> None:
    schema = (
        {"person_no": pl.Int32()}
        | dict.fromkeys(FLAGS, pl.Boolean())
        | dict.fromkeys(DATES, pl.Date())
        | {"age_years": pl.Float64(), "latest_egfr": pl.Float64()}
        | {"emergency_admissions_12m": pl.Int64(), "frailty_recorded": pl.String()}
    )
    frame = pl.DataFrame(
        [{"person_no": n} | person for n, person in enumerate(people)], schema=schema
    )
    found = assign(frame, SCHEME)
    assert found["segment"].to_list() == [slow_segment(p) for p in people]
    assert found["person_no"].to_list() == list(range(len(people)))
