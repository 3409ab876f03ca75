"""Cambridge and frailty index by a slow second reading, on people drawn at random."""

import json
from collections import Counter

import numpy as np
import polars as pl
import pytest

from linkage.feature_definitions import codelists
from linkage.vocabulary import SYSTEMS
from risk.definitions import score_tables
from risk.steps.score import score
from tests.unit.risk.score_people import AS_OF, FEEDS, admitted, features, recorded

PEOPLE = 300
BNF = {
    "hypnotic": "0401010Z0AAAAAA",
    "ssri": "0403030Q0AAAAAA",
    "tricyclic": "0403010B0AAAGAG",
    "opioid": "0407020Q0AAAKAK",
    "pregabalin": "0408010AEAAABAB",
    "levetiracetam": "0408010A0AAABAB",
    "salbutamol": "0301011R0AAAPAP",
    "mebeverine": "0102000P0AAABAB",
    "macrogol": "0106040M0AAAAAA",
    "lithium": "0402030K0AAAFAF",
    "statin": "0212000B0AAAAAA",
    "dressing": "200101000AAAAAA",
}
EGFR = sorted(codelists()["egfr"].codes)
Row = tuple[str, int, float | None]


def listed(*names: str) -> frozenset[str]:
    return frozenset().union(*(codelists()[name].codes for name in names))


@pytest.fixture(scope="module")
def records() -> dict[int, list[Row]]:
    """Codes of lists, medicines and values, most of them near the edges of windows."""
    random = np.random.default_rng(20260930)
    lists = [
        name
        for name, found in codelists().items()
        if found.spec.system == "snomed" and name != "egfr"
    ]
    edges = np.array([0, 1, 30, 200, 364, 365, 366, 1825, 1826, 1827, 5000])
    made: dict[int, list[Row]] = {}
    for person in range(PEOPLE):
        rows: list[Row] = []
        for _ in range(random.integers(0, 14)):
            codes = sorted(codelists()[str(random.choice(lists))].codes)
            rows.append((str(random.choice(codes)), int(random.choice(edges)), None))
        for _ in range(random.integers(0, 10)):
            code = BNF[str(random.choice(list(BNF)))]
            for _ in range(random.integers(1, 6)):
                rows.append((code, int(random.choice(edges)), None))
        for _ in range(random.integers(0, 4)):
            value = float(random.choice([0, 40, 59, 60, 61, 90, 300]))
            code = str(random.choice(EGFR))
            rows.append((code, int(random.choice(edges)), value))
        made[person] = rows
    return made


# Lupus, systemic sclerosis, polymyalgia, psoriatic arthritis, ankylosing spondylitis,
# Sjogren, polymyositis, dermatomyositis, giant cell arteritis.
CONNECTIVE_TISSUE = (
    "55464009",
    "89155008",
    "65323003",
    "156370009",
    "9631008",
    "83901003",
    "31384009",
    "396230008",
    "414341000",
)


def cambridge(rows: list[Row]) -> set[str]:
    """The 20 conditions, read off the paper's definitions one by one."""

    def ever(*names: str) -> bool:
        return any(code in listed(*names) for code, _, _ in rows)

    def scripts(*stems: str, days: int = 365) -> int:
        return sum(code.startswith(stems) and ago < days for code, ago, _ in rows)

    def any_code(*codes: str) -> bool:
        return any(code in codes for code, _, _ in rows)

    cancer = [ago for code, ago, _ in rows if code in listed("cancer")]
    values = sorted(
        (ago, -value)
        for code, ago, value in rows
        if code in EGFR and value and 0 < value <= 250
    )
    pain = ("0408010C0", "0408010G0", "0408010AE")
    found = {
        "hypertension": ever("hypertension"),
        "anxiety_depression": any(
            code in listed("anxiety", "depression") and ago < 365
            for code, ago, _ in rows
        )
        or scripts("0401") >= 4
        or scripts("040302", "040303", "040304") >= 4,
        "painful_condition": scripts("040702", "0407010F0", "0407010N0") >= 4
        or (scripts(*pain) >= 4 and not ever("epilepsy")),
        "hearing_loss": ever("deficit_hearing_impairment"),
        "ibs": any_code("10743008") or scripts("0102") >= 4,
        "asthma": ever("asthma") and scripts("0301", "0302", "0303") >= 1,
        "diabetes": ever("diabetes_type1", "diabetes_type2"),
        "chd": ever("coronary_heart_disease"),
        "ckd": bool(values) and max(-v for _, v in values[:2]) < 60,
        "atrial_fibrillation": ever("atrial_fibrillation"),
        "constipation": scripts("0106") >= 4,
        "stroke_tia": ever("stroke_tia"),
        "copd": ever("copd"),
        "connective_tissue": ever("rheumatoid_arthritis")
        or any_code(*CONNECTIVE_TISSUE),
        "cancer": bool(cancer) and max(cancer) < 1826,
        "alcohol_problems": any_code("66590003", "7200002", "15167005"),
        "heart_failure": ever("heart_failure"),
        "dementia": ever("dementia"),
        "psychosis_bipolar": ever("severe_mental_illness")
        or scripts("0402030K0", "0402030P0", days=10**6) >= 1,
        "epilepsy": ever("epilepsy") and scripts("0408") >= 1,
    }
    return {name for name, has in found.items() if has}


# The 36 deficits of Clegg et al. 2016 (Age and Ageing 45:353-60, table 1) and the code
# lists that stand for each here; written down by hand, beside the table of the score.
DEFICITS: dict[str, tuple[str, ...]] = {
    "activity_limitation": ("deficit_activity_limitation",),
    "anaemia": ("deficit_anaemia",),
    "arthritis": ("osteoarthritis", "rheumatoid_arthritis"),
    "atrial_fibrillation": ("atrial_fibrillation",),
    "cerebrovascular_disease": ("stroke_tia",),
    "chronic_kidney_disease": ("chronic_kidney_disease",),
    "diabetes": ("diabetes_type1", "diabetes_type2"),
    "dizziness": ("deficit_dizziness",),
    "dyspnoea": ("deficit_dyspnoea",),
    "falls": ("deficit_falls",),
    "foot_problems": ("deficit_foot_problems",),
    "fragility_fracture": ("deficit_fragility_fracture",),
    "hearing_impairment": ("deficit_hearing_impairment",),
    "heart_failure": ("heart_failure",),
    "heart_valve_disease": ("deficit_heart_valve_disease",),
    "housebound": (),  # a flag of the release
    "hypertension": ("hypertension",),
    "hypotension_syncope": ("deficit_hypotension_syncope",),
    "ischaemic_heart_disease": ("coronary_heart_disease",),
    "memory_cognition": ("dementia", "deficit_memory_problems"),
    "mobility_transfer": ("deficit_mobility_problems",),
    "osteoporosis": ("osteoporosis",),
    "parkinsonism_tremor": ("parkinsons",),
    "peptic_ulcer": ("deficit_peptic_ulcer",),
    "peripheral_vascular_disease": ("peripheral_arterial_disease",),
    "polypharmacy": (),  # counted from medicines
    "requirement_for_care": (),  # flags of the release
    "respiratory_disease": ("copd", "asthma"),
    "skin_ulcer": ("deficit_skin_ulcer",),
    "sleep_disturbance": ("deficit_sleep_disturbance",),
    "social_vulnerability": ("deficit_social_vulnerability",),
    "thyroid_disease": ("hypothyroidism",),
    "urinary_incontinence": ("deficit_urinary_incontinence",),
    "urinary_system_disease": ("deficit_urinary_system_disease",),
    "visual_impairment": ("deficit_visual_impairment",),
    "weight_loss": ("deficit_weight_loss",),
}


def deficits(rows: list[Row]) -> set[str]:
    """Deficits by membership of lists, and polypharmacy by substances."""
    codes = {code for code, _, _ in rows}
    found = {name for name, lists in DEFICITS.items() if listed(*lists) & codes}
    drugs = {code[:9] for code, ago, _ in rows if code.startswith("0") and ago < 365}
    if len(drugs) >= 5:
        found.add("polypharmacy")
    if "ckd" in cambridge(rows):
        found.add("chronic_kidney_disease")
    return found


def band(score: float) -> str:
    """The paper's cut points: up to .12, .24 and .36."""
    names = ("fit", "mild", "moderate", "severe")
    return names[sum(score > cut for cut in (0.12, 0.24, 0.36))]


def test_the_index_has_the_papers_deficits(sample_data) -> None:
    path = sample_data.parent / "golden" / "score_tables.json"
    golden = json.loads(path.read_text())["efi"]
    assert len(DEFICITS) == golden["deficits"]
    told = {each.name for each in score_tables().ways["efi"].conditions}
    assert told == set(DEFICITS)
    for cut in ("<=0.12 fit", "<=0.24 mild", "<=0.36 moderate", ">0.36 severe"):
        assert cut in golden["bands"]


def test_every_person_has_the_conditions_of_a_second_reading(records) -> None:
    events = pl.concat(
        recorded(rows, person_no=person) for person, rows in records.items() if rows
    ).sample(fraction=1, shuffle=True, seed=1)
    found = score(
        features(dict.fromkeys(records, 80)),
        events,
        admitted([]),
        tables=score_tables(),
        feeds=FEEDS,
        as_of=AS_OF,
    )
    told = dict(found.select("person_no", "cambridge_general_terms").iter_rows())
    frail = dict(found.select("person_no", "efi_score_terms").iter_rows())
    scored = dict(found.select("person_no", "efi_score").iter_rows())
    banded = dict(found.select("person_no", "efi").iter_rows())
    seen: Counter[str] = Counter()
    for person, rows in records.items():
        assert set(told[person]) == cambridge(rows), rows
        has = deficits(rows)
        assert set(frail[person]) == has, rows
        assert scored[person] == pytest.approx(len(has) / 36)
        assert banded[person] == band(len(has) / 36)
        seen.update(told[person])
    assert len(seen) >= 18
    assert SYSTEMS["bnf"] in score_tables().record
