"""What sources hold of people: consistent, imperfect, and wrong in the ways known."""

from datetime import date

import nhs_number
import numpy as np
import polars as pl
import pytest

from synthetic import identity, slips
from synthetic.nhs_numbers import dscro_tokens, nhs_numbers
from synthetic.people import People


def test_numbers_are_valid_different_and_never_issued() -> None:
    numbers = nhs_numbers(912_000, np.random.default_rng(1))
    assert len(np.unique(numbers)) == 912_000
    assert (numbers >= 9_990_000_000).sum() == 909_091
    assert ((numbers >= 9_000_000_000) & (numbers <= 9_999_999_999)).all()
    assert all(nhs_number.is_valid(str(number)) for number in numbers[::5_000])


def test_tokens_are_the_same_for_the_same_number_and_seed() -> None:
    numbers = pl.Series(["9990000018", None, "9990000026"])
    tokens = dscro_tokens(numbers, 1)
    assert tokens[1] is None
    assert tokens[0] != tokens[2]
    assert len(tokens[0]) == 64
    assert tokens.equals(dscro_tokens(numbers, 1))
    assert tokens[0] != dscro_tokens(numbers, 2)[0]


@pytest.mark.parametrize("source", ["RZ1", "990", "mhsds"])
def test_an_answer_does_not_depend_on_who_else_is_asked_for(
    people: People, source: str
) -> None:
    everyone = np.arange(people.persons.height)
    whole = identity.source_records(people, source, everyone)
    some = identity.source_records(people, source, everyone[5::7])
    assert some.equals(whole[5::7])
    assert whole["local_id"].is_unique().all()
    assert whole["person_id"].is_unique().all()


def test_a_submission_carries_the_numbers_of_its_trust(people: People) -> None:
    who = np.arange(50)
    submitted = identity.source_records(people, "mhsds", who)
    held = identity.source_records(people, people.sources["mhsds"], who)
    assert submitted.equals(held)


def test_numbers_go_missing_more_often_in_some_groups(people: People) -> None:
    everyone = np.arange(people.persons.height)
    held = identity.source_records(people, "990", everyone)
    missing = held["nhs_number"].is_null()
    assert 0.02 < missing.mean() < 0.07
    white_british = people.persons["ethnicity"] == "A"
    assert missing.filter(~white_british).mean() > missing.filter(white_british).mean()


def test_wrong_numbers_are_a_relatives_or_fail_the_check(people: People) -> None:
    everyone = np.arange(people.persons.height)
    own = people.persons["nhs_number"]
    home = dict(zip(own, people.persons["household"], strict=True))
    relatives = slipped = 0
    for source in people.source_kinds:
        held = identity.source_records(people, source, everyone)["nhs_number"]
        wrong = held.is_not_null() & (held != own) & (held != "9999999999")
        for true, given in zip(own.filter(wrong), held.filter(wrong), strict=True):
            if given in home:
                assert home[given] == home[true]
                relatives += 1
            else:
                assert not nhs_number.is_valid(given)
                slipped += 1
    assert relatives > 5
    assert slipped > 5


def test_the_list_of_the_nation_has_every_number(people: People) -> None:
    held = identity.source_records(people, "pds", np.arange(people.persons.height))
    assert held["nhs_number"].equals(people.persons["nhs_number"], check_names=False)


def test_some_who_moved_are_held_at_their_old_address(people: People) -> None:
    homes = people.addresses.group_by("person", maintain_order=True).agg("postcode")
    moved = homes.filter(pl.col("postcode").list.n_unique() > 1)
    who = moved["person"].to_numpy()
    held = identity.source_records(people, "RZ1", who)["postcode"]
    old = held == moved["postcode"].list.first()
    assert 0.15 < old.mean() < 0.4
    assert (held == identity.NO_FIXED_ABODE).sum() + held.null_count() > 0


def test_a_second_record_has_another_number_of_the_same_person(people: People) -> None:
    who = np.arange(400)
    first = identity.source_records(people, "RZ1", who)
    second = identity.second_records(people, "RZ1", who)
    assert second["person"].equals(first["person"])
    everyone = identity.local_ids("RZ1", np.arange(people.persons.height), people.seed)
    assert not second["local_id"].is_in(everyone.to_list()).any()
    assert 0.4 < second["nhs_number"].is_null().mean() < 0.75


def test_exchanged_digits_never_pass_the_check() -> None:
    numbers = nhs_numbers(2_000, np.random.default_rng(4))
    frame = pl.DataFrame({"n": pl.Series(numbers).cast(pl.String)})
    at = pl.Series(2 + np.arange(2_000) % 7)
    slipped = frame.select(slips.slipped_number(pl.col("n"), at))["n"]
    changed = slipped != frame["n"]
    assert changed.mean() > 0.8
    assert not any(nhs_number.is_valid(number) for number in slipped.filter(changed))


def test_slipped_dates_are_wrong_but_real() -> None:
    dates = pl.Series([date(1985, 3, 31), date(1990, 2, 7), date(2004, 2, 29)] * 200)
    rng = np.random.default_rng(5)
    slipped = slips.slipped_dates(
        dates, np.ones(600, bool), rng.random(600), rng.random(600)
    )
    assert slipped.null_count() == 0
    assert (slipped != dates).mean() > 0.85
    assert (slipped == date(1990, 7, 2)).sum() > 30


def test_typing_slips_change_one_letter_or_two() -> None:
    names = pl.DataFrame({"name": ["Margaret", "Ng", "Kowalski"] * 100})
    rng = np.random.default_rng(5)
    slipped = names.select(
        slips.with_typing_slip(
            pl.col("name"),
            pl.Series([True] * 300),
            pl.Series(rng.random(300)),
            pl.Series(rng.random(300)),
        )
    )["name"]
    lengths = slipped.str.len_chars().cast(int) - names["name"].str.len_chars().cast(
        int
    )
    assert (slipped != names["name"]).mean() > 0.7
    assert set(lengths) <= {-1, 0, 1}


def test_row_slips_come_at_their_stated_rates() -> None:
    n = 200_000
    frame = pl.DataFrame(
        {"n": "9990000018", "b": "1985-03-11", "p": "ZX1 1AA", "s": "1"}
    ).select(pl.all().repeat_by(n).explode())
    names = {"nhs_number": "n", "born_on": "b", "postcode": "p", "sex": "s"}
    slipped = identity.row_faults(frame, np.random.default_rng(6), names)
    rates = identity.ROW_FAULTS
    found = {
        "number_missing": slipped["n"].is_null().mean(),
        "number_placeholder": (slipped["n"] == "9999999999").mean(),
        "birth_impossible": (slipped["b"] == "1985-02-30").mean(),
        "birth_swapped": (slipped["b"] == "1985-11-03").mean(),
        "postcode_unknown": (slipped["p"] == "ZZ99 3VZ").mean(),
        "sex_unknown": (slipped["s"] == "9").mean(),
    }
    for fault, rate in found.items():
        assert rate == pytest.approx(rates[fault], rel=0.5), fault
