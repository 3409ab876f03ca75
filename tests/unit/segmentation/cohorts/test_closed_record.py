"""Whose GP record is closed to a use is in no answer made of it, nor in its no."""

import polars as pl
import pytest
from pyroaring import BitMap

from linkage.release.catalogue import Attribute
from linkage.release.for_purpose import Limits, Narrowed
from linkage.release.view import ReleaseView
from segmentation.cohorts.index import CohortIndex
from segmentation.cohorts.selectors import Reader
from segmentation.cohorts.specs import Who
from segmentation.cohorts.steps.members import members
from tests.builders import release_view

PEOPLE = range(1, 11)
COPD = {1, 2}
OPTED_OUT = BitMap([2, 9, 10])
OLD = {8, 9}


@pytest.fixture(scope="module")
def reader() -> Reader:
    frame = pl.DataFrame(
        {
            "person_no": pl.Series(PEOPLE, dtype=pl.Int32),
            "has_copd": [n in COPD for n in PEOPLE],
            "age_years": [90.0 if n in OLD else 40.0 for n in PEOPLE],
        }
    )
    attributes = [
        Attribute("has_copd", "COPD", "flag"),
        Attribute("age_years", "Age", "number", bins=(65,)),
    ]
    whole = release_view(frame, attributes)
    view = ReleaseView(
        whole.id,
        whole.as_of,
        None,
        whole.catalogue,
        Narrowed(whole, Limits(gone_from_gp=OPTED_OUT)),
        gone_from_gp=OPTED_OUT,
        whole=whole,
    )
    return Reader(CohortIndex(view), lambda criterion: BitMap([1]))


def asked(reader: Reader, *rules: dict) -> set[int]:
    who = Who.model_validate({"all_of": list(rules)})
    return set(members(who, reader, reader.everyone))


HAS = {"feature": "has_copd"}
AGED = {"feature": "age_years", "at_least": 65}


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (HAS, {1}),
        ({"feature": "has_copd", "any_of": ["no"]}, {3, 4, 5, 6, 7, 8}),
        ({"none_of": [HAS]}, {3, 4, 5, 6, 7, 8}),
        ({"feature": "has_copd", "known": False}, set()),
        ({"none_of": [{"feature": "has_copd", "known": True}]}, set()),
        ({"none_of": [{"cohort": 1, "version": 1}]}, {3, 4, 5, 6, 7, 8}),
        # What is not of the GP's record is answered for them as for everybody.
        ({"none_of": [AGED]}, set(PEOPLE) - OLD),
        ({"any_of": [{"none_of": [HAS]}, AGED]}, {3, 4, 5, 6, 7, 8, 9}),
        ({"none_of": [{"imported_list": 4}]}, set(PEOPLE) - {1}),
    ],
)
def test_who_opted_out_is_in_neither_yes_nor_no(reader, rule, found) -> None:
    assert asked(reader, rule) == found


def test_whoever_has_no_is_kept_as_the_rest_of_those_who_are_asked(reader):
    """In memory a flag is one set, also for a use that honours opt-outs."""
    view = reader.index.view
    assert view.is_half("has_copd")
    assert set(view._bitmaps["has_copd"]) == {"yes"}
    assert view.bitmap("has_copd", "no") == BitMap(PEOPLE) - BitMap(COPD) - OPTED_OUT
