"""Scores from GP records, admissions and elsewhere: timing rules and known traps."""

from datetime import date, timedelta

import polars as pl
import pytest

from risk.definitions import score_tables
from risk.steps.score import score
from risk.steps.ways import Coded
from tests.unit.risk.score_people import (
    AS_OF,
    EVENT,
    FEEDS,
    admitted,
    coded,
    features,
    recorded,
    stays,
    visits,
)

HYPERTENSION, COPD, ASTHMA, EPILEPSY = "38341003", "13645005", "195967001", "84757009"
CANCER, ANXIETY, EGFR = "363346000", "197480006", "1011481000000105"
SALBUTAMOL, CO_CODAMOL = "0301011R0AAAPAP", "0407010F0AAAHAH"
GABAPENTIN, LITHIUM, MACROGOL = "0408010G0AAABAB", "0402030K0AAAFAF", "0106040M0AAAAAA"


def scored(
    *rows: tuple[str, int, float | None], age: int = 80, activity=None, **known
) -> dict:
    """Score one person with this GP record: code, days ago, value."""
    found = score(
        features({1: age}, **known),
        recorded(list(rows)) if rows else pl.DataFrame(schema=EVENT),
        admitted([]) if activity is None else activity,
        tables=score_tables(),
        feeds=FEEDS,
        as_of=AS_OF,
    )
    return found.row(0, named=True)


def cambridge(*rows: tuple[str, int, float | None]) -> list[str]:
    return scored(*rows)["cambridge_general_terms"]


def ago(day: date, days: int) -> date:
    return day - timedelta(days=days)


def repeated(code: str, times: int, *, first: int = 10) -> list:
    return [(code, first + 20 * i, None) for i in range(times)]


def test_the_frailty_index_is_the_share_of_36_deficits() -> None:
    found = scored((COPD, 4000, None), (ASTHMA, 9000, None), lives_alone=True)
    assert found["efi_score"] == pytest.approx(2 / 36)
    assert found["efi_score_terms"] == ["respiratory_disease", "social_vulnerability"]
    assert found["efi"] == "fit"


def test_polypharmacy_is_five_substances_in_a_year_and_no_dressings() -> None:
    five = [
        (code, 100, None)
        for code in (SALBUTAMOL, CO_CODAMOL, GABAPENTIN, LITHIUM, MACROGOL)
    ]
    assert "polypharmacy" in scored(*five)["efi_score_terms"]
    same_substance = [*five[:4], (SALBUTAMOL[:9] + "BBAAAA", 90, None)]
    assert scored(*same_substance)["efi_score_terms"] == []
    long_ago = [*five[:4], (MACROGOL, 365, None)]
    assert scored(*long_ago)["efi_score_terms"] == []
    dressing = [*five[:4], ("200101000AAAAAA", 90, None)]
    assert scored(*dressing)["efi_score_terms"] == []


def test_the_frailty_index_has_its_published_bands() -> None:
    lists = [c.ways[0][0][0] for c in score_tables().ways["efi"].conditions]
    chosen = [sorted(p.asked.codes)[0] for p in lists if isinstance(p, Coded)]

    def band(n: int) -> str:
        return scored(*((code, 50, None) for code in chosen[:n]))["efi"]

    assert [band(n) for n in (4, 5, 8, 9, 12, 13)] == [
        "fit",
        "mild",
        "mild",
        "moderate",
        "moderate",
        "severe",
    ]


def test_a_person_not_registered_here_has_no_score_from_a_gp_record() -> None:
    found = scored((HYPERTENSION, 50, None), is_registered=False)
    assert found["efi_score"] is None
    assert found["cambridge_general"] is None
    assert scored()["efi_score"] == 0


def test_cambridge_adds_its_published_weights() -> None:
    found = scored((HYPERTENSION, 4000, None), (COPD, 4000, None))
    assert found["cambridge_general"] == pytest.approx(0.08 + 1.46, abs=1e-12)
    assert found["cambridge_mortality"] == pytest.approx(-2.09 + 42.5, abs=1e-12)


def test_asthma_and_epilepsy_count_while_they_are_treated() -> None:
    assert cambridge((ASTHMA, 9000, None)) == []
    assert cambridge((ASTHMA, 9000, None), (SALBUTAMOL, 365, None)) == []
    assert cambridge((ASTHMA, 9000, None), (SALBUTAMOL, 364, None)) == ["asthma"]
    assert cambridge((SALBUTAMOL, 20, None)) == []
    assert cambridge((EPILEPSY, 9000, None), (GABAPENTIN, 20, None)) == ["epilepsy"]


def test_cancer_counts_if_first_coded_within_five_years() -> None:
    assert cambridge((CANCER, 1825, None)) == ["cancer"]
    assert cambridge((CANCER, 1826, None)) == []
    assert cambridge((CANCER, 300, None), (CANCER, 3000, None)) == []


def test_anxiety_is_a_code_of_the_year_or_four_prescriptions() -> None:
    assert cambridge((ANXIETY, 364, None)) == ["anxiety_depression"]
    assert cambridge((ANXIETY, 365, None)) == []
    sertraline = "0403030Q0AAAAAA"
    assert cambridge(*repeated(sertraline, 4)) == ["anxiety_depression"]
    assert cambridge(*repeated(sertraline, 3)) == []
    # Tricyclics are left out: low doses are for pain.
    assert cambridge(*repeated("0403010B0AAAGAG", 6)) == []


def test_pain_medicines_count_but_not_for_epilepsy() -> None:
    assert cambridge(*repeated(CO_CODAMOL, 4)) == ["painful_condition"]
    assert cambridge(*repeated(GABAPENTIN, 4)) == ["painful_condition"]
    # Two of one and two of another are four of the kind.
    mixed = [*repeated(GABAPENTIN, 2), *repeated("0408010AEAAABAB", 2)]
    assert cambridge(*mixed) == ["painful_condition"]
    with_epilepsy = [*repeated(GABAPENTIN, 4), (EPILEPSY, 9000, None)]
    assert cambridge(*with_epilepsy) == ["epilepsy"]
    assert cambridge(*repeated(MACROGOL, 4)) == ["constipation"]
    assert cambridge((LITHIUM, 9000, None)) == ["psychosis_bipolar"]


@pytest.mark.parametrize(
    ("values", "is_kidney_disease"),
    [
        ([(400, 59.0), (10, 59.0)], True),
        ([(400, 59.0), (10, 60.0)], False),
        ([(400, 61.0), (10, 45.0)], False),
        ([(900, 90.0), (400, 50.0), (10, 45.0)], True),  # older than the last two
        ([(10, 45.0)], True),  # one value is its own highest
        ([(400, 70.0), (10, 50.0), (10, 55.0)], True),  # two of one day are the two
        ([(400, 70.0), (10, None), (10, 55.0)], False),  # no value is no value
        ([(400, 50.0), (10, 900.0), (5, 0.0), (2, 40.0)], True),  # implausible ones
    ],
)
def test_kidney_disease_is_the_higher_of_the_last_two_values(
    values, is_kidney_disease
) -> None:
    rows = [(EGFR, days, value) for days, value in values]
    assert (cambridge(*rows) == ["ckd"]) is is_kidney_disease


def test_what_was_dated_later_does_not_count() -> None:
    assert cambridge((COPD, -1, None)) == []


@pytest.mark.parametrize(
    ("stay", "urgency", "charlson", "before", "points"),
    [
        (4, "elective", ["E112", "E102", "I21", "J44"], 0, 9),
        (2, "emergency", ["C77", "I21", "J44", "I50"], 3, 13),
        (0, "elective", ["E112", "I21", "J44"], 3, 8),
        (14, "emergency", ["E112", "I21", "J44"], 1, 16),
        (3, "emergency", ["C77", "I21", "J44", "I50"], 4, 15),
    ],
)
def test_lace_reproduces_its_examples(stay, urgency, charlson, before, points) -> None:
    out = AS_OF - timedelta(days=5)
    came = out - timedelta(days=stay)
    found = score(
        features({1: 80}),
        coded([(1, code, out) for code in charlson]),
        pl.concat(
            [
                stays([(1, came, out, urgency)]),
                visits(
                    [(1, came - timedelta(days=10 * i)) for i in range(1, before + 1)]
                ),
            ]
        ),
        tables=score_tables(),
        feeds=FEEDS,
        as_of=AS_OF,
    )
    assert found["lace"].to_list() == [points]


def test_parr30_is_its_published_sum() -> None:
    came = AS_OF - timedelta(days=3)
    found = score(
        features({1: 80}, imd_decile="1"),
        coded([(1, "I50", came), (1, "F00", came)]),
        stays(
            [
                (1, came, None, "emergency"),
                (1, ago(came, 20), ago(came, 15), "emergency"),
                (
                    1,
                    came - timedelta(days=300),
                    came - timedelta(days=299),
                    "emergency",
                ),
                (
                    1,
                    came - timedelta(days=400),
                    came - timedelta(days=399),
                    "emergency",
                ),
                (1, ago(came, 50), ago(came, 49), "elective"),
            ]
        ),
        tables=score_tables(),
        feeds=FEEDS,
        as_of=AS_OF,
    )
    odds = (
        (-2.91821 + 6.0581e-5 * 6400 + 2 * 0.1215 + 0.5258 + 0.5565 + 0.0982)
        + 0.095
        + 0.0467
    )
    assert found["parr30"].item() == pytest.approx(1 / (1 + 2.718281828459045**-odds))
    assert found["parr30_terms"].to_list() == [["heart_failure", "dementia"]]


def test_nobody_long_out_of_hospital_has_a_score_of_an_admission() -> None:
    def of(days: int) -> dict:
        out = AS_OF - timedelta(days=days)
        return scored(activity=stays([(1, out, out, "emergency")]))

    assert of(30)["parr30"] is not None
    assert of(31)["parr30"] is None
    assert of(31)["lace"] is None


def test_an_imported_score_comes_with_its_date_and_source() -> None:
    qrisk3 = "1085871000000105"
    rows = [(qrisk3, 400, 12.5), (qrisk3, 100, 14.25), (qrisk3, 50, None)]
    found = scored(*rows, age=70)
    assert found["qrisk"] == 14.25
    assert found["qrisk_on"] == AS_OF - timedelta(days=100)
    assert found["qrisk_source"] == "gp_observation"
    assert scored(*rows, age=85)["qrisk"] is None
    assert scored(*rows, age=85)["qrisk_on"] is None
    assert scored((qrisk3, 2000, 12.5), age=70)["qrisk"] is None
    assert scored((qrisk3, 20, 120.0), age=70)["qrisk"] is None


@pytest.mark.parametrize(
    ("recorded_level", "deficits", "in_care_home", "inside"),
    [
        ("moderate", 0, False, 1),
        ("severe", 0, True, 0),
        ("mild", 12, False, 0),  # a clinician's judgement stands before the index
        (None, 12, False, 1),
        (None, 2, False, 0),
    ],
)
def test_proactive_care_is_moderate_or_severe_frailty_at_home(
    recorded_level, deficits, in_care_home, inside
) -> None:
    lists = [c.ways[0][0][0] for c in score_tables().ways["efi"].conditions]
    codes = [sorted(p.asked.codes)[0] for p in lists if isinstance(p, Coded)]
    found = scored(
        *((code, 50, None) for code in codes[:deficits]),
        frailty_recorded=recorded_level,
        in_care_home=in_care_home,
    )
    assert found["proactive_care_cohort"] == inside
    assert scored(age=60)["proactive_care_cohort"] is None


def test_recorded_frailty_is_a_level_and_absent_without_a_code() -> None:
    assert scored(frailty_recorded="severe")["frailty_recorded_level"] == 3
    assert scored()["frailty_recorded_level"] is None
