import polars as pl
import pytest
from pyroaring import BitMap

from linkage.release.catalogue import Attribute, Catalogue
from segmentation.cohorts.index import CohortIndex
from segmentation.cohorts.specs import Who
from segmentation.cohorts.steps.lattice import base, beyond_lattice
from segmentation.cohorts.steps.overlap import overlap
from segmentation.cohorts.steps.words import Names, sentence
from tests.builders import release_view

CATALOGUE = Catalogue(
    [
        Attribute("sex", "Sex", "category", values=("F", "M")),
        Attribute("frailty", "Frailty", "category", values=("moderate", "severe")),
        Attribute("lives_alone", "Lives alone", "flag"),
        Attribute("has_copd", "COPD", "flag"),
        Attribute("has_asthma", "Asthma", "flag"),
        Attribute("age_years", "Age", "number", unit="years", bins=(18, 65)),
        Attribute(
            "medicines", "Medicines in 12 months", "number", "medicines", bins=(5, 10)
        ),
        Attribute("cost", "Cost in 12 months", "number", unit="£", bins=(1000,)),
        Attribute("seen_on", "Last seen", "date"),
    ]
)
NAMES = Names(
    CATALOGUE,
    lambda attribute, value: value,
    codelists={"falls": "Falls"},
    imported={3: "Housing list"},
    cohorts={7: "Frail at home"},
)
YEAR = {"since": "2025-01-01", "until": "2025-12-31"}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"feature": "lives_alone"}, "Lives alone"),
        ({"feature": "lives_alone", "any_of": ["no"]}, "Lives alone: no"),
        (
            {"feature": "frailty", "any_of": ["moderate", "severe"]},
            "Frailty: moderate or severe",
        ),
        (
            {"feature": "medicines", "at_least": 10},
            "Medicines in 12 months: 10 or more medicines",
        ),
        (
            {"feature": "age_years", "at_least": 65, "below": 75},
            "Age: 65 or more and under 75 years",
        ),
        ({"feature": "cost", "above": 2500}, "Cost in 12 months: more than £2,500"),
        (
            {"count": ["has_copd", "has_asthma"], "at_least": 1},
            "At least 1 of: COPD, Asthma",
        ),
        (
            {"feature": "seen_on", "within_days": 90},
            "Last seen: in the 90 days up to the data date",
        ),
        (
            {"feature": "seen_on", **YEAR},
            "Last seen: from 1 January 2025 to 31 December 2025",
        ),
        ({"feature": "seen_on", "known": False}, "Last seen: not recorded"),
        (
            {"codelist": "falls", **YEAR},
            "A code of the list “Falls”, from 1 January 2025 to 31 December 2025",
        ),
        (
            {"codes": ["I21"], "system": "icd10", **YEAR},
            "A icd10 code of I21, from 1 January 2025 to 31 December 2025",
        ),
        ({"imported_list": 3}, "On the imported list “Housing list”"),
        ({"cohort": 7, "version": 2}, "In the cohort “Frail at home”, version 2"),
        ({"none_of": [{"feature": "lives_alone"}]}, "Not: lives alone"),
        (
            {"any_of": [{"feature": "has_copd"}, {"feature": "has_asthma"}]},
            "Any of: COPD; Asthma",
        ),
    ],
)
def test_a_criterion_reads_as_a_sentence(rule, words):
    who = Who.model_validate({"all_of": [rule]})
    assert sentence(who.all_of[0], NAMES) == words


def beyond(*rules):
    return beyond_lattice(Who.model_validate({"all_of": rules}), CATALOGUE)


@pytest.mark.parametrize(
    "rule",
    [
        {"feature": "lives_alone"},
        {"feature": "medicines", "at_least": 10},
        {"feature": "medicines", "above": 9},
        {"feature": "age_years", "at_least": 70, "below": 75},
        {"feature": "medicines", "known": False},
        {"none_of": [{"feature": "has_copd"}]},
    ],
)
def test_the_catalogues_own_words_stand_behind_protected_figures(rule):
    assert beyond(rule) == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"feature": "medicines", "at_least": 11}, "a point of its own"),
        ({"feature": "age_years", "at_least": 67}, "a point of its own"),
        ({"feature": "cost", "above": 999}, "a point of its own"),
        ({"feature": "seen_on", "within_days": 9}, "dates of its own"),
        ({"codelist": "falls", **YEAR}, "codes of its own"),
        ({"imported_list": 3}, "list of persons"),
        ({"none_of": [{"imported_list": 3}]}, "list of persons"),
        ({"cohort": 7, "version": 2}, "another saved cohort"),
    ],
)
def test_what_could_be_asked_again_with_small_changes_does_not(rule, words):
    assert [reason for reason in beyond(rule) if words in reason]


def test_protected_figures_cut_by_four_things_at_most():
    names = ["sex", "frailty", "lives_alone", "has_copd", "has_asthma"]
    rules = [{"feature": name, "known": True} for name in names]
    assert beyond(*rules[:4]) == []
    assert "5 different things" in beyond(*rules)[0]


def test_the_base_is_the_scope_cut_by_plain_steps_only():
    frame = pl.DataFrame(
        {
            "person_no": pl.Series([1, 2, 3, 4], dtype=pl.Int32),
            "sex": ["F", "F", "M", "F"],
            "has_copd": [True, False, True, True],
        }
    )
    attributes = [CATALOGUE["sex"], CATALOGUE["has_copd"]]
    index = CohortIndex(release_view(frame, attributes))
    who = Who.model_validate(
        {"all_of": [{"feature": "has_copd"}, {"feature": "sex", "any_of": ["F"]}]}
    )
    assert base(who, index, BitMap([1, 2, 3])) == BitMap([1, 2])


def test_an_overlap_puts_everyone_in_one_part():
    sets = {"a": BitMap([1, 2, 3]), "b": BitMap([2, 3, 4]), "c": BitMap([3])}
    assert overlap(BitMap([1, 2, 3, 5]), sets) == {
        (): BitMap([5]),
        ("a",): BitMap([1]),
        ("a", "b"): BitMap([2]),
        ("a", "b", "c"): BitMap([3]),
    }
    with pytest.raises(ValueError, match="at most 6"):
        overlap(BitMap([1]), {str(n): BitMap([n]) for n in range(7)})
