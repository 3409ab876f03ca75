"""Whose record is it? One test per route, and per way in which a record contradicts."""

from datetime import date
from itertools import count
from typing import Any

import polars as pl
import pytest

from linkage.steps.link import IDENTITY_SCHEMA, link

A, B, C = "9990000018", "9990000026", "9990000034"
BORN = date(1950, 3, 7)
_keys = count(1)
RECORD: dict[str, Any] = {"subject_key": pl.Int64, **IDENTITY_SCHEMA}
RECORD["local_person_no"] = RECORD.pop("person_no")


def record(**given: Any) -> dict[str, Any]:
    told = {"nhs_number": None, "born_on": BORN, "sex": "F", "surname": "O'Brien"}
    told |= {"forename": "Mary Ann", "postcode": "ZZ1 1AA", "local_person_no": None}
    return {"subject_key": next(_keys)} | told | given


def known(person_no: int, **given: Any) -> dict[str, Any]:
    told = {key: record()[key] for key in IDENTITY_SCHEMA if key != "person_no"}
    return {"person_no": person_no} | told | given


def decide(
    records: list[dict[str, Any]],
    identities: list[dict[str, Any]] | None = None,
    tier: Any = "names",
) -> list[tuple[int | None, str | None, bool | None]]:
    """Person, rule and whether the number is theirs, for each record."""
    linked = link(
        pl.DataFrame(records, schema=RECORD),
        pl.DataFrame(identities or [], schema=IDENTITY_SCHEMA),
        tier,
        100,
    )
    by_key = {row[0]: row[1:] for row in linked.decisions.iter_rows()}
    assert len(by_key) == linked.decisions.height, "a record was linked twice"
    return [by_key.get(r["subject_key"], (None, None, None)) for r in records]


def person_of(records, identities=None, tier="names") -> list[int | None]:
    return [found[0] for found in decide(records, identities, tier)]


def test_number_and_birth_date_are_enough() -> None:
    found = decide(
        [record(nhs_number=A, surname="Other", postcode="ZZ9 9ZZ")],
        [known(1, nhs_number=A)],
    )
    assert found == [(1, "nhs_number_and_birth_date", True)]


@pytest.mark.parametrize(
    ("stated", "agrees"),
    [
        (date(1950, 7, 3), True),  # day and month swapped
        (date(1950, 3, 8), True),  # one part differs
        (date(1951, 3, 7), True),
        (date(1950, 4, 8), False),  # two parts differ
        (date(1986, 11, 30), False),
    ],
)
def test_a_slip_in_the_birth_date_is_allowed_for(stated: date, agrees: bool) -> None:
    found = person_of(
        [record(nhs_number=A, born_on=stated)], [known(1, nhs_number=A)], "national"
    )
    assert found == [1 if agrees else None]


def test_a_relatives_number_is_not_believed() -> None:
    """The number is B's; the birth date says it is not B. A new person, no number."""
    found = decide(
        [record(nhs_number=B, surname="Young", born_on=date(1981, 12, 25))],
        [known(2, nhs_number=B)],
    )
    assert found == [(100, "new_name_and_birth_date", False)]


def test_an_earlier_birth_date_of_the_person_also_counts() -> None:
    identities = [
        known(1, nhs_number=A, born_on=date(1931, 12, 12)),
        known(1, nhs_number=None),
    ]
    assert person_of([record(nhs_number=A)], identities, "national") == [1]


@pytest.mark.parametrize(
    ("given", "person"),
    [
        ({"surname": "Else", "postcode": "ZZ9 9ZZ"}, None),
        ({"surname": "Else"}, 1),  # the home agrees
        ({"postcode": "ZZ9 9ZZ"}, 1),  # the name agrees
    ],
)
def test_a_number_without_a_birth_date_needs_company(given, person) -> None:
    stated = record(nhs_number=A, born_on=None, **given)
    assert person_of([stated], [known(1, nhs_number=A)], "national") == [person]


def test_the_providers_own_id_links_a_row_without_a_number() -> None:
    stated = record(surname=None, forename=None, local_person_no=1, postcode=None)
    found = decide([stated], [known(1, nhs_number=A)], "national")
    assert found == [(1, "local_identifier", False)]


def test_the_providers_own_id_loses_to_a_different_birth_date() -> None:
    stated = record(local_person_no=1, born_on=date(1999, 1, 30), postcode="ZZ9 9ZZ")
    assert person_of([stated], [known(1, nhs_number=A)], "national") == [None]


def test_the_providers_own_id_and_number_outweigh_a_wrong_birth_date() -> None:
    stated = record(nhs_number=A, local_person_no=1, born_on=date(1999, 1, 30))
    found = decide([stated], [known(1, nhs_number=A)], "national")
    assert found == [(1, "local_identifier", True)]


@pytest.mark.parametrize("route", [{"local_person_no": 1}, {}])
def test_two_different_numbers_never_join(route) -> None:
    """Same name, birth date, home and local id, and yet another valid number."""
    found = person_of([record(nhs_number=B, **route)], [known(1, nhs_number=A)])
    assert found == [100]


def test_a_numberless_person_gains_one_number_only() -> None:
    """The first route takes A; by the second, B must see that the number is taken."""
    found = decide([record(nhs_number=A), record(nhs_number=B)], [known(1)])
    assert found[0] == (1, "born_on_and_surname_and_forename_and_postcode", True)
    assert found[1] == (100, "new_nhs_number", True)


def test_names_are_compared_without_marks_and_second_forenames() -> None:
    stated = record(surname="O BRIEN", forename="MARY")
    assert person_of([stated], [known(1, nhs_number=A)]) == [1]


def test_same_name_and_birth_date_elsewhere_is_the_same_person_by_sex() -> None:
    moved = record(postcode="ZZ5 5ZZ")
    assert person_of([moved], [known(1, nhs_number=A)]) == [1]
    assert person_of([moved | {"sex": "M"}], [known(1, nhs_number=A)]) == [100]


def test_two_candidates_are_none() -> None:
    identities = [known(1, nhs_number=A), known(2, nhs_number=B)]
    assert person_of([record()], identities, "national") == [None]


def test_twins_of_one_sex_at_one_home_are_told_apart_by_name_alone() -> None:
    twins = [
        known(1, nhs_number=A, forename="Ada"),
        known(2, nhs_number=B, forename="Eve"),
    ]
    assert person_of([record(forename="Eve")], twins) == [2]
    nameless = record(forename=None, surname=None)
    assert person_of([nameless], twins, "national") == [None]


def test_national_rows_link_by_birth_date_sex_and_home() -> None:
    nameless = record(forename=None, surname=None)
    found = decide([nameless], [known(1, nhs_number=A)], "national")
    assert found == [(1, "born_on_and_sex_and_postcode", False)]


def test_records_of_one_file_meet_each_other() -> None:
    """Two addresses of one number, and a row of the same name without a number."""
    records = [
        record(nhs_number=A),
        record(nhs_number=A, postcode="ZZ7 7ZZ"),
        record(postcode="ZZ7 7ZZ"),
    ]
    assert person_of(records) == [100, 100, 100]


def test_within_a_file_the_commonest_birth_date_makes_the_person() -> None:
    odd = date(1922, 8, 19)
    records = [
        record(nhs_number=A, born_on=odd, surname="Odd"),
        record(nhs_number=A, postcode="ZZ2 2ZZ"),
        record(nhs_number=A, postcode="ZZ3 3ZZ"),
    ]
    found = person_of(records)
    assert found[1] == found[2] != found[0]


def test_a_national_row_makes_a_person_of_an_unknown_number_only() -> None:
    unknown = record(nhs_number=C, surname=None, forename=None, postcode=None)
    assert decide([unknown], [], "national") == [(100, "new_nhs_number", True)]
    nameless = record(surname=None, forename=None)
    assert decide([nameless], [], "national") == [(None, None, None)]


def test_a_token_finds_its_person_and_makes_none() -> None:
    bare = {"born_on": None, "sex": None, "surname": None, "forename": None}
    bare |= {"postcode": None}
    records = [record(nhs_number=A, **bare), record(nhs_number=B, **bare)]
    found = decide(records, [known(1, nhs_number=A)], "token")
    assert found == [(1, "token", False), (None, None, None)]


def test_new_people_are_numbered_without_gaps() -> None:
    records = [record(nhs_number=n) for n in (A, B, C)]
    records.append(record(surname="Fourth", born_on=date(1970, 1, 31)))
    linked = link(
        pl.DataFrame(records, schema=RECORD),
        pl.DataFrame(schema=IDENTITY_SCHEMA),
        "names",
        7,
    )
    assert sorted(linked.created) == [7, 8, 9, 10]
    assert set(linked.decisions["person_no"]) == {7, 8, 9, 10}


def test_a_record_with_nothing_to_go_by_is_left() -> None:
    empty = dict.fromkeys(IDENTITY_SCHEMA) | {"local_person_no": None}
    del empty["person_no"]
    assert person_of([{"subject_key": 1} | empty]) == [None]
