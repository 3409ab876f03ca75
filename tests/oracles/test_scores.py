"""Cambridge and frailty index by a slow second reading, on people drawn at random."""

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


def deficits(rows: list[Row]) -> set[str]:
    """Deficits by membership of lists, and polypharmacy by substances."""
    found = set()
    for condition in score_tables().ways["efi"].conditions:
        for way in condition.ways:
            for part in way[0]:
                asked = getattr(part, "asked", None)
                values = hasattr(part, "below")
                if asked and not values and asked.codes & {r[0] for r in rows}:
                    found.add(condition.name)
    drugs = {code[:9] for code, ago, _ in rows if code.startswith("0") and ago < 365}
    if len(drugs) >= 5:
        found.add("polypharmacy")
    if "ckd" in cambridge(rows):
        found.add("chronic_kidney_disease")
    return found


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
    seen: Counter[str] = Counter()
    for person, rows in records.items():
        assert set(told[person]) == cambridge(rows), rows
        assert set(frail[person]) == deficits(rows), rows
        seen.update(told[person])
    assert len(seen) >= 18
    assert SYSTEMS["bnf"] in score_tables().record
