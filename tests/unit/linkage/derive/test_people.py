"""Who is in the picture at a date, and where they belong."""

from datetime import date, timedelta

import pytest

from tests.builders import AS_OF, derived, person, registration, residence

TOMORROW = AS_OF + timedelta(days=1)


def one(**options):
    return derived(**options).row(0, named=True)


@pytest.mark.parametrize(
    ("given", "there"),
    [
        ({"died_on": AS_OF}, 0),
        ({"died_on": TOMORROW}, 1),
        ({"birth_month": date(2026, 10, 1)}, 0),
        ({"birth_month": date(2026, 9, 1)}, 1),
        ({"birth_month": None}, 1),
    ],
)
def test_only_the_living_are_there(given, there):
    assert derived(person_rows=[person(**given)]).height == there


def test_a_person_neither_registered_nor_resident_is_not_there():
    assert derived(registration_rows=[], residence_rows=[]).height == 0


def test_a_resident_without_a_practice_is_there_and_not_registered():
    found = one(registration_rows=[])
    assert (found["is_registered"], found["is_resident"]) == (False, True)
    assert (found["practice_code"], found["icb_code"]) == (None, None)


def test_a_patient_from_elsewhere_is_registered_and_has_no_deprivation():
    found = one(residence_rows=[residence(lsoa_code="W01000001")])
    assert (found["is_registered"], found["is_resident"]) == (True, False)
    assert (found["lsoa_code"], found["imd_decile"]) == (None, None)


def test_another_systems_practice_is_no_practice_of_ours():
    found = one(registration_rows=[registration(practice_code="A81001")])
    assert (found["practice_code"], found["is_registered"]) == (None, False)


@pytest.mark.parametrize(("as_of", "code"), [(AS_OF, "Z81001"), (TOMORROW, "Z81002")])
def test_the_registration_in_force_at_the_date_counts(as_of, code):
    moved = [
        registration(end_on=TOMORROW),
        registration(practice_code="Z81002", start_on=TOMORROW),
    ]
    assert one(registration_rows=moved, as_of=as_of)["practice_code"] == code


def test_of_two_registrations_the_newer_counts_and_then_the_higher_code():
    both = [
        registration(practice_code="Z81002", start_on=date(2020, 1, 1)),
        registration(practice_code="Z81001", start_on=date(2021, 1, 1)),
    ]
    assert one(registration_rows=both)["practice_code"] == "Z81001"
    tied = [registration(practice_code="Z81002"), registration()]
    assert one(registration_rows=tied)["practice_code"] == "Z81002"


def test_deprivation_comes_from_the_address():
    found = one(residence_rows=[residence(lsoa_code="E01900002")])
    assert (found["imd_decile"], found["imd_fifth"]) == ("1", "1")
    assert found["council_code"] == "E10900001"


@pytest.mark.parametrize(
    ("born", "age", "band"),
    [
        (date(2026, 9, 1), 0, "00-04"),
        (date(1961, 9, 1), 65, "65-69"),
        (date(1961, 10, 1), 64, "60-64"),
        (date(1936, 9, 1), 90, "90+"),
        (date(1910, 9, 1), 116, "90+"),
        (None, None, None),
    ],
)
def test_age_is_in_completed_years(born, age, band):
    found = one(person_rows=[person(birth_month=born)])
    assert (found["age_years"], found["age_band"]) == (age, band)


@pytest.mark.parametrize(
    ("letter", "kept", "group"),
    [
        ("A", "A", "White"),
        ("R", "R", "Asian"),
        ("Z", "Z", "Not known"),
        ("?", None, "Not known"),
        (None, None, "Not known"),
    ],
)
def test_ethnicity_keeps_to_the_16_and_1_and_has_its_group(letter, kept, group):
    found = one(person_rows=[person(ethnicity=letter)])
    assert (found["ethnicity"], found["ethnicity_group"]) == (kept, group)


@pytest.mark.parametrize(
    ("said", "kept"), [("F", "F"), ("M", "M"), ("9", "U"), (None, "U")]
)
def test_sex_is_one_of_three(said, kept):
    assert one(person_rows=[person(sex=said)])["sex"] == kept


@pytest.mark.parametrize(
    ("since", "out"), [(None, False), (AS_OF, True), (TOMORROW, False)]
)
def test_a_type_1_opt_out_counts_from_its_day(since, out):
    assert one(person_rows=[person(type1_opt_out_on=since)])["type1_opt_out"] is out


def test_a_care_home_address_counts_while_it_lasts():
    moved = [
        residence(in_care_home=True, end_on=AS_OF),
        residence(lsoa_code="E01900002", start_on=AS_OF),
    ]
    assert one(residence_rows=moved)["care_home_address"] is False
    before = one(residence_rows=moved, as_of=AS_OF - timedelta(days=1))
    assert before["care_home_address"] is True


def test_rows_come_sorted_by_person():
    found = derived(person_rows=[person(9), person(3), person(70_000)])
    assert found["person_no"].to_list() == [3, 9, 70_000]
