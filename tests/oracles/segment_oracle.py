"""Every segment scheme as a clinician would tell it, in plain Python: slow, obvious.

Written from the schemes' words and sources and not from their YAML, to compare with.
A person is a dictionary of features; what is absent or None is not known.
"""

from collections.abc import Callable, Iterable
from typing import Any

Person = dict[str, Any]

BODY = [
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
    "epilepsy",
    "rheumatoid_arthritis",
    "osteoporosis",
    "chronic_liver_disease",
    "parkinsons",
    "hypothyroidism",
]
MIND = ["depression", "anxiety"]


def has(p: Person, *conditions: str) -> bool:
    return any(p.get(f"has_{condition}") is True for condition in conditions)


def number(p: Person, name: str, absent: float) -> float:
    value = p.get(name)
    return absent if value is None else float(value)


def under(p: Person, age: float) -> bool:
    return number(p, "age_years", 999) < age


def over(p: Person, age: float) -> bool:
    """Of this age or older; not when the age is not known."""
    return number(p, "age_years", -1) >= age


def bridges_to_health(p: Person) -> str:
    admissions = number(p, "emergency_admissions_12m", 0)
    if has(p, "dementia") or (
        over(p, 65) and p.get("frailty_recorded") in ("moderate", "severe")
    ):
        return "frailty_dementia"
    if has(p, "heart_failure") or (has(p, "copd") and admissions >= 2):
        return "organ_failure"
    kidneys = number(p, "latest_egfr", 99) if has(p, "chronic_kidney_disease") else 99.0
    if kidneys < 15 or (kidneys < 30 and admissions >= 4):
        return "organ_failure"
    if has(p, "chronic_liver_disease") and admissions >= 1:
        return "organ_failure"
    if p.get("on_palliative_register"):
        return "short_decline"
    if has(p, "learning_disability"):
        return "disability"
    if under(p, 65) and (p.get("long_term_social_care") or p.get("is_housebound")):
        return "disability"
    if has(p, *BODY, *MIND, "cancer", "severe_mental_illness", "osteoarthritis"):
        return "long_term_conditions"
    return "healthy"


def bridges_to_health_hospital(p: Person) -> str:
    def seen(what: str) -> bool:
        return p.get(f"hospital_{what}") is True

    admissions = number(p, "emergency_admissions_12m", 0)
    if seen("dementia"):
        return "frailty_dementia"
    if over(p, 65) and number(p, "hospital_frailty_points_24m", 0) >= 5:
        return "frailty_dementia"
    if seen("heart_failure") or seen("kidney_failure"):
        return "organ_failure"
    if seen("kidney_disease_4") and admissions >= 4:
        return "organ_failure"
    if (seen("copd") and admissions >= 2) or (seen("liver_disease") and admissions):
        return "organ_failure"
    if seen("palliative"):
        return "short_decline"
    if seen("learning_disability") or seen("physical_disability"):
        return "disability"
    return "long_term_conditions" if seen("long_term_condition") else "healthy"


def nw_london(p: Person) -> str:
    if p.get("inclusion_health"):
        return "socially_excluded"
    if has(p, "dementia") and (
        p.get("in_care_home")
        or p.get("is_housebound")
        or p.get("frailty_recorded") == "severe"
    ):
        return "advanced_dementia"
    if has(p, "cerebral_palsy", "multiple_sclerosis", "parkinsons") and (
        p.get("long_term_social_care") or p.get("is_housebound")
    ):
        return "severe_physical_disability"
    if has(p, "learning_disability"):
        return (
            "learning_disability_child" if under(p, 18) else "learning_disability_adult"
        )
    if has(p, "severe_mental_illness"):
        return "serious_mental_illness"
    if has(p, "cancer"):
        return "cancer"
    need = "healthy"
    others = [
        "heart_failure",
        "dementia",
        "osteoarthritis",
        "inflammatory_bowel_disease",
        "multiple_sclerosis",
        "cerebral_palsy",
    ]
    if has(p, *BODY, *MIND, *others):
        need = "conditions"
    if under(p, 13):
        return f"{need}_0_to_12"
    if under(p, 18):
        return f"{need}_13_to_17"
    return f"{need}_65_and_over" if over(p, 65) else f"{need}_18_to_64"


def age_bands(p: Person) -> str:
    age = p.get("age_years")
    if age is None:
        return "age_not_known"
    for low, high in ((0, 4), (5, 17), (18, 39), (40, 64), (65, 79)):
        if age < high + 1:
            return f"aged_{low}_to_{high}"
    return "aged_80_and_over"


def suffolk_north_east_essex(p: Person) -> str:
    kidneys = number(p, "latest_egfr", 99) < 15 and has(p, "chronic_kidney_disease")
    if p.get("on_palliative_register") or kidneys:
        return "die_well"
    if has(p, "dementia", "carer") or p.get("frailty_recorded") == "severe":
        return "age_well"
    if number(p, "condition_count", 0) >= 4 or p.get("is_housebound"):
        return "age_well"
    if number(p, "falls_admissions_24m", 0) >= 1:
        return "age_well"
    if has(p, "cancer", "heart_failure", *BODY):
        return "stay_well"
    if p.get("frailty_recorded") == "moderate":
        return "stay_well"
    if has(p, "severe_mental_illness", *MIND):
        return "feel_well"
    if number(p, "mental_health_contacts_12m", 0) >= 1:
        return "feel_well"
    if number(p, "alcohol_admissions_24m", 0) >= 1:
        return "feel_well"
    if p.get("smoking_status") == "current" or number(p, "latest_bmi", 0) > 30:
        return "be_well"
    return "be_well" if p.get("risky_drinking") else "live_well"


def cheshire_merseyside(p: Person) -> str:
    if p.get("on_palliative_register"):
        return "end_of_life"
    if has(p, "dementia") or p.get("frailty_recorded") in ("moderate", "severe"):
        return "frailty_dementia"
    if p.get("inclusion_health"):
        return "complex_lives"
    if has(p, "cancer"):
        return "cancer"
    if has(p, *BODY, *MIND, "heart_failure", "severe_mental_illness", "osteoarthritis"):
        return "long_term_conditions"
    if has(p, "nondiabetic_hyperglycaemia", "obesity"):
        return "pre_conditions"
    if p.get("blood_pressure_high_no_diagnosis"):
        return "pre_conditions"
    if has(p, "learning_disability"):
        return "learning_disability"
    if has(p, "cerebral_palsy", "multiple_sclerosis") or p.get("is_housebound"):
        return "physical_disability"
    return "healthy"


ORACLES: dict[str, Callable[[Person], str]] = {
    oracle.__name__: oracle
    for oracle in (
        age_bands,
        bridges_to_health,
        bridges_to_health_hospital,
        cheshire_merseyside,
        nw_london,
        suffolk_north_east_essex,
    )
}


def in_core20plus(p: Person) -> bool | None:
    """Whether a person is in Core20 or in a group of the product's default PLUS."""
    if p.get("ethnicity_group") in ("Mixed", "Asian", "Black", "Other"):
        return True
    if has(p, "learning_disability", "autism") or p.get("is_carer"):
        return True
    if number(p, "condition_count", 0) >= 4:
        return True
    if p.get("imd_decile") is None:
        return None
    return p["imd_decile"] in ("1", "2")


def adult_areas(p: Person) -> Iterable[str]:
    """The clinical areas of Core20PLUS5 for adults in which a person has a need."""
    if not in_core20plus(p):
        return
    if p.get("pregnant"):
        yield "core20plus5_maternity"
    if not over(p, 18):
        return
    if has(p, "severe_mental_illness") and number(p, "smi_checks_missing", 0) >= 1:
        yield "core20plus5_mental_illness"
    if p.get("flu_vaccine_due"):
        yield "core20plus5_respiratory"
    if p.get("losing_weight") and not has(p, "cancer"):
        yield "core20plus5_cancer"
    if p.get("blood_pressure_high"):
        yield "core20plus5_hypertension"
    if p.get("lipids_not_optimised"):
        yield "core20plus5_lipids"


def child_areas(p: Person) -> Iterable[str]:
    """The clinical areas of Core20PLUS5 for children in which a person has a need."""
    if not in_core20plus(p) or not under(p, 18):
        return
    relievers = number(p, "reliever_issues_12m", 0)
    lungs = number(p, "respiratory_admissions_12m", 0)
    if has(p, "asthma") and (relievers >= 3 or lungs >= 1):
        yield "core20plus5_child_asthma"
    if has(p, "diabetes"):
        yield "core20plus5_child_diabetes"
    if has(p, "epilepsy"):
        yield "core20plus5_child_epilepsy"
    if not over(p, 10.5) and p.get("dental_extraction_24m"):
        yield "core20plus5_child_teeth"
    if p.get("open_mental_health_referral") or has(p, "anxiety", "depression"):
        yield "core20plus5_child_mental_health"
