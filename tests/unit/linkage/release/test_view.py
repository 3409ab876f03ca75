from datetime import date

import polars as pl
import pytest
from pyroaring import BitMap

from linkage.release.catalogue import Attribute, Catalogue, bin_labels
from linkage.release.selectors import decoded
from linkage.steps.index import index, numbers_of
from tests.builders import release_view

SEX = Attribute("sex", "Sex", "category", values=("F", "M", "U"))
AGE = Attribute("age_years", "Age", "number", unit="years", bins=(18, 65))
COPD = Attribute("has_copd", "COPD", "flag")
SEEN = Attribute("seen_on", "Seen", "date")
ALL = [SEX, AGE, COPD, SEEN]
FRAME = pl.DataFrame(
    {
        "person_no": [9, 2, 5, 70_000],
        "sex": ["F", "M", "F", None],
        "age_years": [17.5, 65.0, None, 18.0],
        "has_copd": [False, True, None, True],
        "seen_on": [None, date(1969, 12, 31), date(2026, 9, 30), None],
    },
    schema_overrides={"person_no": pl.Int32},
)


@pytest.fixture
def view():
    return release_view(FRAME, ALL)


def test_a_value_without_people_is_an_empty_bitmap_and_not_an_error(view):
    assert view.bitmap("sex", "U") == BitMap()
    assert view.bitmap("sex", "F") == BitMap([5, 9])


def test_an_attribute_that_was_never_defined_is_an_error_and_not_nobody(view):
    with pytest.raises(KeyError, match="no attribute 'sexx'"):
        view.bitmap("sexx", "F")


def test_not_known_is_neither_yes_nor_no(view):
    assert view.bitmap("has_copd") == BitMap([2, 70_000])
    assert view.bitmap("has_copd", "no") == BitMap([9])
    assert view.known("has_copd") == BitMap([2, 9, 70_000])


def test_a_number_on_an_edge_belongs_to_the_bin_that_begins_there(view):
    assert view.values("age_years") == ["under 18", "18 to under 65", "65 and over"]
    assert view.bitmap("age_years", "under 18") == BitMap([9])
    assert view.bitmap("age_years", "18 to under 65") == BitMap([70_000])
    assert view.bitmap("age_years", "65 and over") == BitMap([2])


def test_between_takes_the_low_end_and_leaves_the_high_end(view):
    assert view.between("age_years", 18, 65) == BitMap([70_000])
    assert view.between("age_years", low=18) == BitMap([2, 70_000])
    assert view.known("age_years") == BitMap([2, 9, 70_000])


def test_columns_are_aligned_with_people_in_ascending_order(view):
    assert view.person_nos.tolist() == [2, 5, 9, 70_000]
    assert view.column("age_years")[[0, 2, 3]].tolist() == [65.0, 17.5, 18.0]


def test_sums_ignore_the_unknown_and_people_outside_the_release(view):
    assert view.total("age_years", BitMap([2, 5, 4_000])) == 65.0
    assert view.total("age_years", view.everyone) == 100.5
    assert view.contributors("has_copd", BitMap([2, 9])) == BitMap([2])


def test_any_of_unites_and_survives_no_values(view):
    assert view.any_of("sex", ["F", "M"]) == BitMap([2, 5, 9])
    assert view.any_of("sex", []) == BitMap()


def test_profile_values_come_back_as_the_words_they_stood_for():
    numbers = [numbers_of(FRAME[a.name], a).to_list() for a in ALL]
    rows = [
        (n, "Z81001", "E01900001", list(values))
        for n, values in zip(
            FRAME["person_no"], zip(*numbers, strict=True), strict=True
        )
    ]
    found = decoded(rows, Catalogue(ALL))
    assert found.select(FRAME.columns).equals(FRAME)
    assert decoded(rows, Catalogue(ALL), ["sex"]).columns[3:] == ["sex"]


def test_a_category_outside_the_catalogue_is_refused():
    with pytest.raises(ValueError, match="sex: not in the catalogue: X"):
        numbers_of(pl.Series(["F", "X"]), SEX)


def test_nan_is_not_known_rather_than_the_top_bin():
    people = FRAME["person_no"].cast(pl.UInt32).to_numpy()
    found = index(people, pl.Series([float("nan")] * 4), AGE)
    assert found.bitmaps == {}


def test_the_catalogue_refuses_two_meanings_of_one_name():
    catalogue = Catalogue([SEX])
    catalogue.add([SEX, COPD])
    assert list(catalogue) == ["sex", "has_copd"]
    with pytest.raises(ValueError, match="sex: two stages"):
        catalogue.add([Attribute("sex", "Sex at birth", "category", values=("F",))])


def test_the_catalogue_comes_back_from_json():
    catalogue = Catalogue(ALL)
    assert dict(Catalogue.from_rows(catalogue.as_rows())) == dict(catalogue)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "category"}, "needs its values"),
        ({"kind": "category", "values": ("a", "a")}, "stands twice"),
        ({"kind": "number", "bins": (1, 1)}, "must ascend"),
    ],
)
def test_an_attribute_that_makes_no_sense_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Attribute("x", "X", **given)


def test_bins_have_plain_names():
    assert bin_labels(()) == ()
    assert bin_labels((0.5,)) == ("under 0.5", "0.5 and over")
