"""Who shares a home, and which reason wrote which sentence."""

import polars as pl
import pytest

from dashboards.definitions import LISTS
from dashboards.steps.homes import MOST_AT_HOME, shared_homes
from dashboards.steps.reasons import bare, reasons_behind
from dashboards.steps.shortlist import sentence
from linkage.steps.identify import home_key


def people(keys):
    return pl.DataFrame(
        {
            "person_no": range(1, len(keys) + 1),
            "practice_code": ["Z81001"] * len(keys),
            "home_key": keys,
        },
        schema={
            "person_no": pl.Int32,
            "practice_code": pl.String,
            "home_key": pl.Int64,
        },
    )


def test_those_of_one_address_share_a_number_and_others_have_none():
    made = shared_homes(people([-7, 42, -7, None, None, 9]))
    assert made.select("person_no", "home_no").rows() == [(1, 1), (3, 1)]
    assert made["practice_code"].to_list() == ["Z81001", "Z81001"]


@pytest.mark.parametrize(
    ("n", "shown"), [(MOST_AT_HOME, True), (MOST_AT_HOME + 1, False)]
)
def test_many_people_at_one_address_are_no_household(n, shown):
    assert (shared_homes(people([5] * n)).height == n) == shown


def test_an_address_is_the_same_however_it_is_written_and_none_is_none():
    said = pl.DataFrame(
        {
            "line1": ["1 Harbour Row", "1, harbour row.", "2 Harbour Row", None, " "],
            "postcode": ["ZZ1 9ZZ", "zz19zz", "ZZ1 9ZZ", "ZZ1 9ZZ", "ZZ1 9ZZ"],
        }
    )
    keys = home_key(said, "line1", "postcode").to_list()
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]
    assert keys[3:] == [None, None]


@pytest.mark.parametrize("name", LISTS)
def test_every_sentence_leads_back_to_the_reason_that_wrote_it(name):
    """Whatever the values: a number, a date, a word, or nothing recorded."""
    reasons = LISTS[name].reasons
    for value in ("3", "3 March 2026", "severe", "not recorded", "1,204.50"):
        for reason in reasons:
            names = sentence_names(reason.text)
            frame = pl.DataFrame({n: [value] for n in names} or {"x": [0]})
            written = frame.select(sentence(reason.text)).item(0, 0)
            assert reasons_behind([written], reasons) == [reason.text]


def sentence_names(text):
    from dashboards.list_specs import placeholders

    return dict.fromkeys(placeholders(text))


def test_a_sentence_of_an_earlier_definition_is_nobodys():
    assert reasons_behind(["Born on a Tuesday"], LISTS["proactive_care"].reasons) == []
    assert bare("Seen {n} times since {on}") == "Seen … times since …"
