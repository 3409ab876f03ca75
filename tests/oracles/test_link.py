"""The links of `link`, against the same rules written record by record, slowly."""

from collections import defaultdict
from datetime import date
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.steps.link import IDENTITY_SCHEMA, link

NUMBERS = ["9990000018", "9990000026", "9990000034", "9990000042"]
BORN = [date(1950, 3, 7), date(1950, 7, 3), date(1950, 3, 9), date(1988, 10, 21)]
NAMES_AND_HOME = ("born_on", "surname", "forename", "postcode")
NAMES = ("born_on", "surname", "forename", "sex")
HOME = ("born_on", "sex", "postcode")
FIRST_NEW = 50

optional = st.one_of
identity = st.fixed_dictionaries(
    {
        "nhs_number": optional(st.none(), st.sampled_from(NUMBERS)),
        "born_on": optional(st.none(), st.sampled_from(BORN)),
        "sex": st.sampled_from(["F", "M", None]),
        "surname": st.sampled_from(["YOUNG", "OLD", None]),
        "forename": st.sampled_from(["ADA", "EVE", None]),
        "postcode": st.sampled_from(["ZZ1 1AA", "ZZ2 2BB", None]),
    }
)
records = st.lists(
    st.tuples(identity, optional(st.none(), st.integers(1, 3))), max_size=6
)


@st.composite
def indexes(draw: Any) -> list[dict[str, Any]]:
    """Identities of at most three people; a number is at most one person's own."""
    found = []
    for person_no in range(1, draw(st.integers(0, 3)) + 1):
        own = draw(optional(st.none(), st.just(NUMBERS[person_no - 1])))
        for told in draw(st.lists(identity, min_size=1, max_size=2)):
            number = own if told["nhs_number"] else None
            found.append({"person_no": person_no} | told | {"nhs_number": number})
    return found


def agree(one: date, other: date) -> bool:
    same = [one.year == other.year, one.month == other.month, one.day == other.day]
    swapped = one.year == other.year and (one.month, one.day) == (
        other.day,
        other.month,
    )
    return sum(same) >= 2 or swapped


class Slow:
    """The rules of linkage, one record at a time."""

    def __init__(self, records: list[dict[str, Any]], index: list[dict[str, Any]]):
        self.left = list(records)
        self.index = list(index)
        self.decided: dict[int, tuple[int, bool]] = {}

    def numbers(self) -> dict[int, set[str]]:
        own = defaultdict(set)
        for known in self.index:
            if known["nhs_number"]:
                own[known["person_no"]].add(known["nhs_number"])
        return own

    def link(self, tier: str) -> dict[int, tuple[int, bool]]:
        self.match(tier)
        next_no = FIRST_NEW
        if tier != "token":
            owned = set().union(*self.numbers().values(), set())
            by_number = defaultdict(list)
            for r in self.left:
                if r["nhs_number"] and r["born_on"] and r["nhs_number"] not in owned:
                    by_number[r["nhs_number"]].append(r)
            anchors = []
            for group in by_number.values():
                often = defaultdict(int)
                for r in group:
                    often[r["born_on"]] += 1
                anchors.append(
                    min(group, key=lambda r: (-often[r["born_on"]], r["subject_key"]))
                )
            next_no = self.make(anchors, next_no, agreed=True)
            if anchors:
                self.match(tier)
        if tier == "names":
            anchors = {}
            for r in sorted(self.left, key=lambda r: r["subject_key"]):
                if r["surname"] and r["born_on"]:
                    anchors.setdefault(tuple(r[k] for k in NAMES), r)
            self.make(list(anchors.values()), next_no, agreed=False)
            if anchors:
                self.match(tier)
        return self.decided

    def make(self, anchors: list[dict[str, Any]], next_no: int, *, agreed: bool) -> int:
        for r in sorted(anchors, key=lambda r: r["subject_key"]):
            self.decided[r["subject_key"]] = (next_no, agreed)
            number = r["nhs_number"] if agreed else None
            self.index.append(
                {k: r[k] for k in IDENTITY_SCHEMA if k != "person_no"}
                | {"person_no": next_no, "nhs_number": number}
            )
            next_no += 1
        self.drop()
        return next_no

    def drop(self) -> None:
        self.left = [r for r in self.left if r["subject_key"] not in self.decided]

    def match(self, tier: str) -> None:
        own = self.numbers()
        for r in self.left:
            people = {
                k["person_no"]
                for k in self.index
                if r["nhs_number"] in own[k["person_no"]]
                and (tier == "token" or self.vouched(r, k))
            }
            if r["nhs_number"] and len(people) == 1:
                self.decided[r["subject_key"]] = (people.pop(), tier != "token")
        self.drop()
        self.route(
            own,
            lambda r: {r["local_person_no"]} if r["local_person_no"] else set(),
            self.contradicted,
        )
        for key in {"names": [NAMES_AND_HOME, NAMES], "national": [HOME]}.get(tier, []):
            self.route(own, lambda r, key=key: self.alike(r, key), lambda *_: False)

    def vouched(self, r: dict[str, Any], known: dict[str, Any]) -> bool:
        if r["born_on"] and known["born_on"]:
            return agree(r["born_on"], known["born_on"])
        same_name = all(r[n] and r[n] == known[n] for n in ("surname", "forename"))
        return same_name or bool(r["postcode"] and r["postcode"] == known["postcode"])

    def alike(self, r: dict[str, Any], key: tuple[str, ...]) -> set[int]:
        if any(r[k] is None for k in key):
            return set()
        return {
            known["person_no"]
            for known in self.index
            if all(known[k] == r[k] for k in key)
        }

    def contradicted(self, r: dict[str, Any], person: int, own: set[str]) -> bool:
        born = [k["born_on"] for k in self.index if k["person_no"] == person]
        born = [b for b in born if b]
        if not r["born_on"] or not born or r["nhs_number"] in own:
            return False
        return not any(agree(r["born_on"], b) for b in born)

    def route(
        self, own: dict[int, set[str]], candidates: Any, contradicted: Any
    ) -> None:
        taken = set().union(*own.values(), set())
        pairs = []
        for r in self.left:
            people = candidates(r)
            if len(people) != 1:
                continue
            person = next(iter(people))
            number, theirs = r["nhs_number"], own[person]
            if number and theirs and number not in theirs:
                continue
            brings = bool(number) and not theirs and number not in taken
            pairs.append((r, person, number in theirs or brings))
        chosen, given = {}, defaultdict(set)
        for r, person, agreed in pairs:
            if agreed:
                number = r["nhs_number"]
                chosen[person] = min(chosen.get(person, number), number)
                given[number].add(person)
        for r, person, agreed in pairs:
            number = r["nhs_number"]
            if agreed and (number != chosen[person] or len(given[number]) > 1):
                continue
            if contradicted(r, person, own[person]):
                continue
            self.decided[r["subject_key"]] = (person, agreed)
        for r, person, agreed in pairs:
            if agreed and r["subject_key"] in self.decided:
                own[person].add(r["nhs_number"])
        self.drop()


@settings(max_examples=400, deadline=None)
@given(records, indexes(), st.sampled_from(["names", "national", "token"]))
def test_link_decides_as_the_plain_rules_do(told, index, tier) -> None:
    people = {known["person_no"] for known in index}
    rows = [
        {
            "subject_key": n,
            **stated,
            "local_person_no": local if local in people else None,
        }
        for n, (stated, local) in enumerate(told, start=1)
    ]
    schema = {"subject_key": pl.Int64, **IDENTITY_SCHEMA, "local_person_no": pl.Int32}
    del schema["person_no"]
    found = link(
        pl.DataFrame(rows, schema=schema),
        pl.DataFrame(index, schema=IDENTITY_SCHEMA),
        tier,
        FIRST_NEW,
    )
    decided = {
        key: (person, agreed) for key, person, _, agreed in found.decisions.iter_rows()
    }
    assert decided == Slow(rows, index).link(tier)


@settings(max_examples=300, deadline=None)
@given(records, indexes(), st.sampled_from(["names", "national"]))
def test_no_person_ends_with_two_numbers(told, index, tier) -> None:
    rows = [
        {"subject_key": n, **stated, "local_person_no": None}
        for n, (stated, _) in enumerate(told, start=1)
    ]
    schema = {"subject_key": pl.Int64, **IDENTITY_SCHEMA, "local_person_no": pl.Int32}
    del schema["person_no"]
    found = link(
        pl.DataFrame(rows, schema=schema),
        pl.DataFrame(index, schema=IDENTITY_SCHEMA),
        tier,
        FIRST_NEW,
    )
    own = defaultdict(set)
    for known in index:
        own[known["person_no"]] |= {known["nhs_number"]} - {None}
    stated = {row["subject_key"]: row["nhs_number"] for row in rows}
    for key, person, _, agreed in found.decisions.iter_rows():
        if agreed:
            own[person] |= {stated[key]}
    assert all(len(numbers) <= 1 for numbers in own.values())
    owners = [number for numbers in own.values() for number in numbers]
    assert len(owners) == len(set(owners))
