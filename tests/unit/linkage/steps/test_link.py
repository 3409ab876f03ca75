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
del RECORD["stated_number"]


def record(**given: Any) -> dict[str, Any]:
    told = {"nhs_number": None, "born_on": BORN, "sex": "F", "surname": "O'Brien"}
    told |= {"forename": "Mary Ann", "postcode": "ZZ1 1AA", "local_person_no": None}
    return {"subject_key": next(_keys)} | told | given


def known(person_no: int, **given: Any) -> dict[str, Any]:
    told = {key: record()[key] for key in RECORD if key in IDENTITY_SCHEMA}
    told |= given
    return {"person_no": person_no, "stated_number": told["nhs_number"]} | told


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
    by_key = {row[0]: row[1:4] for row in linked.decisions.iter_rows()}
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
        (date(1952, 4, 7), False),  # two parts differ
        (date(1986, 11, 30), False),
    ],
)
def test_a_slip_in_the_birth_date_is_allowed_for(stated: date, agrees: bool) -> None:
    nameless = record(nhs_number=A, born_on=stated, surname=None, forename=None)
    found = decide([nameless], [known(1, nhs_number=A)], "national")
    assert found[0][1] == ("nhs_number_and_birth_date" if agrees else None)


def test_number_and_full_name_outweigh_no_wholly_different_birth_date() -> None:
    slip = record(nhs_number=A, born_on=date(1950, 11, 30))
    assert person_of([slip], [known(1, nhs_number=A)]) == [1]
    brother = record(nhs_number=A, born_on=date(1952, 11, 30))
    assert person_of([brother], [known(1, nhs_number=A)]) == [100]


def test_a_relatives_number_is_not_believed() -> None:
    """The number is B's; the birth date says it is not B. A new person, no number."""
    found = decide(
        [record(nhs_number=B, surname="Young", born_on=date(1981, 12, 25))],
        [known(2, nhs_number=B)],
    )
    assert found == [(100, "new_number_in_doubt", False)]


def test_an_earlier_birth_date_of_the_person_also_counts() -> None:
    identities = [
        known(1, nhs_number=A, born_on=date(1931, 12, 12)),
        known(1, nhs_number=None),
    ]
    assert person_of([record(nhs_number=A)], identities, "national") == [1]


@pytest.mark.parametrize(
    ("given", "person"),
    [
        ({"surname": "Else", "forename": "Zoe", "postcode": "ZZ9 9ZZ"}, None),
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
    assert (found[0][0], found[0][2]) == (1, True)


@pytest.mark.parametrize("route", [{"local_person_no": 1}, {}])
def test_two_different_numbers_never_join(route) -> None:
    """Same name, birth date, home and local id, and yet another valid number."""
    found = person_of([record(nhs_number=B, **route)], [known(1, nhs_number=A)])
    assert found == [100]


def test_a_numberless_person_gains_one_number_only() -> None:
    """Where two could be meant it gains neither; one of them alone it does gain."""
    records = [record(nhs_number=A), record(nhs_number=B)]
    assert person_of(records, [known(1)]) == [100, 101]
    assert decide(records[:1], [known(1)]) == [(1, "new_nhs_number", True)]


def test_names_are_compared_without_marks_and_second_forenames() -> None:
    stated = record(surname="O BRIEN", forename="MARY")
    assert person_of([stated], [known(1, nhs_number=A)]) == [1]


def test_same_name_and_birth_date_elsewhere_is_the_same_person() -> None:
    moved = record(postcode="ZZ5 5ZZ")
    assert person_of([moved], [known(1, nhs_number=A)]) == [1]
    assert person_of([moved | {"born_on": None}], [known(1, nhs_number=A)]) == [None]


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
    assert found == [(1, "weighed", False)]


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
    assert person_of([dict.fromkeys(RECORD) | {"subject_key": 1}]) == [None]


def test_a_new_record_can_show_two_people_of_the_index_to_be_one() -> None:
    """Unless somebody has judged them to be two."""
    identities = [known(1, nhs_number=A), known(2, postcode="ZZ7 7ZZ")]
    records = pl.DataFrame([record(nhs_number=A, postcode="ZZ7 7ZZ")], schema=RECORD)
    index = pl.DataFrame(identities, schema=IDENTITY_SCHEMA)
    found = link(records, index, "names", 100)
    assert found.merges.select("person_no", "into_person_no").rows() == [(2, 1)]
    apart = pl.DataFrame({"person_no": [1], "other_person_no": [2]})
    assert link(records, index, "names", 100, apart=apart).merges.is_empty()


def test_what_cannot_be_told_is_for_review() -> None:
    """A relative's number, and a twin without a forename."""
    twins = [known(1, nhs_number=A, forename="Ada")]
    twins.append(known(2, nhs_number=B, forename="Eve"))
    records = [record(forename=None), record(nhs_number=A, forename="Eve")]
    found = link(
        pl.DataFrame(records, schema=RECORD),
        pl.DataFrame(twins, schema=IDENTITY_SCHEMA),
        "names",
        100,
    )
    whys = dict(found.review.select("subject_key", "why").iter_rows())
    assert whys == {
        records[0]["subject_key"]: "second_close",
        records[1]["subject_key"]: "two_numbers",
    }


def test_a_person_with_a_number_in_doubt_joins_nobody() -> None:
    """What was stated with another's number stays out until somebody decides."""
    doubtful = known(2, nhs_number=None, stated_number=B)
    index = pl.DataFrame([known(1, nhs_number=A), doubtful], schema=IDENTITY_SCHEMA)
    records = pl.DataFrame([record(nhs_number=A)], schema=RECORD)
    found = link(records, index, "names", 100)
    assert found.merges.is_empty()
    assert found.decisions["person_no"].to_list() == [1]
