"""Every feature and codelist: loads, names what exists, is used, is in date."""

from datetime import date
from itertools import product

import pytest

from linkage.feature_definitions import FEATURES, codelists
from linkage.feature_specs import LatestValue, Register
from linkage.release.catalogue import Catalogue
from linkage.steps.derive import attributes
from linkage.steps.derive.features import check
from linkage.vocabulary import SYSTEMS
from tests.builders import derived, geography

CODELISTS = codelists()
CONDITIONS = [
    "hypertension",
    "diabetes_type1",
    "diabetes_type2",
    "coronary_heart_disease",
    "heart_failure",
    "stroke_tia",
    "atrial_fibrillation",
    "peripheral_arterial_disease",
    "chronic_kidney_disease",
    "copd",
    "asthma",
    "cancer",
    "dementia",
    "depression",
    "anxiety",
    "severe_mental_illness",
    "epilepsy",
    "learning_disability",
    "rheumatoid_arthritis",
    "osteoporosis",
    "osteoarthritis",
    "obesity",
    "chronic_liver_disease",
    "parkinsons",
    "palliative_care",
    "hypothyroidism",
]

# Dihedral group D5 of Verhoeff (1969), the check digit of SNOMED CT identifiers
# (SNOMED CT Technical Implementation Guide, 5.5).
TIMES = [
    [(a + b) % 5 if b < 5 else 5 + (a + b) % 5 for b in range(10)]
    if a < 5
    else [5 + (a - b) % 5 if b < 5 else (a - b) % 5 for b in range(10)]
    for a in range(10)
]
TURN = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def verhoeff_holds(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        turned = int(digit)
        for _ in range(place % 8):
            turned = TURN[turned]
        total = TIMES[total][turned]
    return total == 0


def test_rules_name_what_exists():
    check(FEATURES, CODELISTS)


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_is_in_date_and_says_where_it_comes_from(name):
    spec = FEATURES[name]
    assert spec.review_by > date(2026, 9, 30)
    assert spec.source.strip()
    assert list(spec.bins) == sorted(set(spec.bins))


@pytest.mark.parametrize("name", CODELISTS)
def test_codes_are_of_their_system(name):
    codelist = CODELISTS[name]
    for code in codelist.codes:
        match codelist.spec.system:
            case "snomed":
                assert code.isdigit(), code
                assert 6 <= len(code) <= 18, code
                assert verhoeff_holds(code), f"{code}: a wrong check digit"
                # 00 and 10 before the check digit mark a concept; others are
                # descriptions and relationships.
                assert code[-3:-1] in {"00", "10"}, f"{code} is no concept"
            case "icd10":
                assert code[0].isalpha(), code
                assert code[1:].isalnum(), code
                assert len(code) in {3, 4}, code
            case "bnf":
                assert code.isalnum(), code
                assert len(code) <= 15, code
            case "opcs4":
                assert code[0].isalpha(), code
                assert code[1:].isdigit(), code
            case "local":
                assert code.replace("_", "").isalnum(), code
            case other:
                pytest.fail(f"no check for {other}")


@pytest.mark.parametrize("name", CODELISTS)
def test_every_code_has_a_term(name):
    assert all(CODELISTS[name].terms.values())


def test_every_codelist_is_used():
    used = {name for spec in FEATURES.values() for name in spec.codelists}
    assert set(CODELISTS) == used


def test_no_code_of_a_register_is_also_the_code_that_ends_it():
    for name, spec in FEATURES.items():
        if isinstance(spec.rule, Register):
            ends = {c for n in spec.rule.resolved for c in CODELISTS[n].codes}
            for listed in spec.rule.codes:
                assert not ends & CODELISTS[listed].codes, name


def test_groups_of_one_feature_share_no_code():
    groups = FEATURES["smoking_status"].rule.groups
    for one, other in product(groups, groups):
        if one < other:
            for a, b in product(groups[one], groups[other]):
                assert not CODELISTS[a].codes & CODELISTS[b].codes, (one, other)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_shared_condition_has_a_register(condition):
    assert isinstance(FEATURES[condition].rule, Register)
    assert FEATURES[condition].columns(condition) == (
        f"has_{condition}",
        f"{condition}_since",
    )


def test_there_are_enough_features_however_many_windows_each_has():
    measures = {spec.measure or name for name, spec in FEATURES.items()}
    assert len(measures) >= 120


def test_there_are_registers_of_forty_long_term_conditions():
    registers = [n for n, s in FEATURES.items() if isinstance(s.rule, Register)]
    assert len(set(registers) - {"palliative_care"}) >= 40
    assert sum(bool(FEATURES[name].rule.resolved) for name in registers) >= 10
    # Two sources: the GP record, or what hospitals coded.
    assert sum(bool(FEATURES[name].rule.hospital) for name in registers) >= 40


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_says_why_it_is_there_and_in_what_unit(name):
    spec = FEATURES[name]
    assert spec.why.strip()
    assert spec.unit.strip()
    assert spec.owner.strip()


def test_whatever_stands_on_a_sensitive_feature_is_sensitive():
    columns = {c: n for n, s in FEATURES.items() for c in s.columns(n)}
    for name, spec in FEATURES.items():
        if any(FEATURES[columns[asked]].sensitive for asked in spec.built_on):
            assert spec.sensitive, name
    inclusion = {n for n, s in FEATURES.items() if s.group == "Inclusion health"}
    assert {n for n in inclusion if not FEATURES[n].sensitive} == set()


def test_the_catalogue_describes_every_column_in_order():
    catalogue = Catalogue(attributes(FEATURES, geography()))
    assert list(catalogue) == derived().columns[1:]


@pytest.mark.parametrize(
    "name", [n for n, s in FEATURES.items() if isinstance(s.rule, LatestValue)]
)
def test_display_bins_lie_inside_the_plausible_range(name):
    spec = FEATURES[name]
    assert spec.rule.low < spec.bins[0]
    assert spec.bins[-1] < spec.rule.high
    assert spec.unit


def test_systems_of_the_codelists_are_the_vocabularys():
    assert {c.spec.system for c in CODELISTS.values()} <= set(SYSTEMS)
