"""Each way in which one person is written down twice, and who must stay two."""

import pytest

from linkage.steps.linking.names import forms, skeleton
from tests.linking_people import A, B, C, clusters, linked, said

# Enough strangers that a name's share is known, and none is anybody's double.
OWNER = {"nhs_number": A}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"forename": "Margaret"}, {"forename": "Peggy"}),  # nickname
        ({"forename": "Katarzyna"}, {"forename": "Kasia"}),
        ({"forename": "Mohammed"}, {"forename": "Muhammad"}),  # transliteration
        ({"forename": "Mohamed"}, {"forename": "Maxamed"}),
        ({"surname": "Hussain"}, {"surname": "Xuseen"}),
        ({"surname": "Wong"}, {"surname": "Huang"}),
        ({"surname": "Chowdhury"}, {"surname": "Choudhry"}),
        (
            {"forename": "Wei", "surname": "Zhang"},  # name order
            {"forename": "Zhang", "surname": "Wei"},
        ),
        ({"surname": "Garcia-Lopez"}, {"surname": "Lopez"}),  # double surname
        ({"surname": "Ogun Balogun"}, {"surname": "OGUN-BALOGUN"}),
        ({"born_on": "1950-03-07"}, {"born_on": "1950-07-03"}),  # swapped date
        ({"born_on": "1950-03-07"}, {"born_on": "1950-03-17"}),
        ({"born_on": "1950-03-07"}, {"born_on": "1951-03-07"}),
        ({"born_on": "1950-03-07"}, {"born_on": "1950-01-01"}),
        ({"postcode": "ZZ1 1AA"}, {"postcode": "ZZ9 9ZZ"}),  # moved
        (
            {"surname": "García", "forename": "José"},
            {"surname": "GARCIA", "forename": "JOSE"},
        ),
        ({"surname": "Łuczak"}, {"surname": "Luczak"}),
        ({"surname": "O'Brien"}, {"surname": "O BRIEN"}),
        ({"forename": "Margaret"}, {"forename": "M"}),  # initial
        ({"forename": "Margaret Ann"}, {"forename": "Ann"}),  # goes by the second
        ({"forename": "Margaret"}, {"forename": "Margraet"}),  # mistyped
        ({"forename": "Margaret"}, {"forename": None}),
        ({"surname": "Okonkwo"}, {"surname": "Fashola"}),  # married, same home
        ({"sex": "2"}, {"sex": "9"}),
    ],
)
def test_one_person_written_two_ways_is_one(one, other) -> None:
    assert clusters(said(**OWNER, **one), said(**other)) == [0, 0]


@pytest.mark.parametrize(
    "other",
    [
        {"forename": "Grace"},  # a twin at home
        {"born_on": "1979-11-30"},  # a daughter of the same name
        {"forename": "Sunday", "sex": "1", "born_on": "1948-12-25"},  # the husband
        {"surname": "Fashola", "postcode": "ZZ9 9ZZ", "forename": None},
    ],
)
def test_relatives_and_namesakes_stay_two(other) -> None:
    assert clusters(said(**OWNER), said(**other)) == [0, 1]


@pytest.mark.parametrize(
    "name", ["Baby", "infant", "Twin One", "BABY OF MARGARET", None]
)
def test_a_newborn_without_a_forename_joins_its_one_sibling_less_match(name) -> None:
    born = {"born_on": "2025-11-30", "surname": "Okonkwo"}
    assert clusters(said(nhs_number=A, **born), said(forename=name, **born)) == [0, 0]


def test_a_newborn_without_a_forename_is_neither_of_two_twins() -> None:
    born = {"born_on": "2025-11-30"}
    found = linked(
        said(nhs_number=A, forename="Grace", **born),
        said(nhs_number=B, forename="Mercy", **born),
        said(forename="Baby", **born),
    )
    assert found.links["cluster_id"].n_unique() == 3
    assert found.review["why"].to_list() == ["second_close"]


def test_a_twin_by_name_is_found_beside_the_other() -> None:
    born = {"born_on": "2015-11-30"}
    twins = [
        said(nhs_number=A, forename="Grace", **born),
        said(nhs_number=B, forename="Mercy", **born),
    ]
    assert clusters(*twins, said(forename="Mercie", **born)) == [0, 1, 1]


def test_people_of_one_communal_address_are_told_apart() -> None:
    home = [
        said(nhs_number=A, forename="Ada", surname="Hart", born_on="1931-02-01"),
        said(nhs_number=B, forename="Ida", surname="Moss", born_on="1933-08-09"),
        said(nhs_number=C, forename="Eva", surname="Cole", born_on="1929-05-30"),
    ]
    without = [
        {**r, "nhs_number": None, "record_id": r["record_id"] + 100} for r in home
    ]
    assert clusters(*home, *without) == [0, 1, 2, 0, 1, 2]


def test_a_twin_with_the_others_number_is_not_believed() -> None:
    """Number and birth date agree; the name is another number's person's."""
    born = {"born_on": "2015-11-30"}
    found = clusters(
        said(nhs_number=A, forename="Grace", **born),
        said(nhs_number=A, forename="Grace", postcode="ZZ2 2BB", **born),
        said(nhs_number=B, forename="Mercy", **born),
        said(nhs_number=A, forename="Mercy", **born),
    )
    assert found == [0, 0, 1, 2]


def test_two_valid_numbers_never_join_however_alike() -> None:
    found = linked(said(nhs_number=A), said(nhs_number=B), said())
    assert found.links["cluster_id"].n_unique() == 3
    assert clusters(said(nhs_number=A), said(nhs_number=B)) == [0, 1]


@pytest.mark.parametrize(
    "number", ["9999999999", "0000000000", "9990000019", "12345", " ", None]
)
def test_numbers_that_identify_nobody_are_no_numbers(number) -> None:
    assert clusters(said(nhs_number=A), said(nhs_number=number)) == [0, 0]


@pytest.mark.parametrize("nothing", ["ZZ99 3VZ", "", None])
def test_no_fixed_abode_is_no_address(nothing) -> None:
    """Two namesakes of no fixed abode do not share a home, as two of one address do."""
    one = {"nhs_number": A, "forename": None}
    other = {"born_on": "1950-03-17", "forename": None}
    assert clusters(said(**one), said(**other)) == [0, 0]
    nowhere = {"postcode": nothing}
    assert clusters(said(**one, **nowhere), said(**other, **nowhere)) == [0, 1]


def test_a_placeholder_birth_date_is_none() -> None:
    told = {"born_on": "1900-01-01"}
    assert clusters(said(**told, **OWNER), said(**told, forename="Grace")) == [0, 1]


def test_a_person_is_known_under_every_name_and_address() -> None:
    """Maiden name at the new home: each is known from another record."""
    found = clusters(
        said(nhs_number=A, surname="Okonkwo", postcode="ZZ1 1AA"),
        said(nhs_number=A, surname="Fashola", postcode="ZZ7 7ZZ"),
        said(surname="Okonkwo", postcode="ZZ7 7ZZ", born_on="1950-03-17"),
    )
    assert found == [0, 0, 0]


def test_without_names_birth_date_home_and_sex_must_single_out_one() -> None:
    bare = {"forename": None, "surname": None}
    assert clusters(said(**OWNER, **bare), said(**bare), tier="national") == [0, 0]
    two = [said(nhs_number=A, **bare), said(nhs_number=B, **bare), said(**bare)]
    assert clusters(*two, tier="national") == [0, 1, 2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("yusuf", "yousaf"),
        ("rahman", "rehman"),
        ("siddique", "siddiq"),
        ("sheikh", "shaykh"),
        ("khadija", "qadija"),
        ("zainab", "zeinab"),
    ],
)
def test_spellings_of_one_name_share_their_bones(one, other) -> None:
    assert skeleton(one) == skeleton(other)
    assert set(forms(one)) & set(forms(other))


@pytest.mark.parametrize(
    ("one", "other"), [("hassan", "hussain"), ("priya", "pooja"), ("omar", "amir")]
)
def test_different_names_do_not(one, other) -> None:
    assert not set(forms(one)) & set(forms(other))
