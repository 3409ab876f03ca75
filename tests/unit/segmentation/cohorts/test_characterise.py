"""One-way tables and cross-tabulations beside a frame's own group-by."""

import numpy as np
import polars as pl
import pytest
from pyroaring import BitMap

from linkage.release.catalogue import Attribute
from segmentation.cohorts.index import MOST_VALUES, CohortIndex, index_of
from segmentation.cohorts.steps.characterise import characterise, crosstab
from tests.builders import release_view

BANDS, SEXES = ("young", "middle", "old"), ("F", "M")
MANY = tuple(f"E{n:03d}" for n in range(MOST_VALUES + 1))
ATTRIBUTES = [
    Attribute("band", "Age", "category", values=BANDS),
    Attribute("sex", "Sex", "category", values=SEXES),
    Attribute("has_copd", "COPD", "flag"),
    Attribute("lives_alone", "Lives alone", "flag"),
    Attribute("cost", "Cost", "number", unit="£", bins=(1, 100)),
    Attribute("uses", "Uses", "number", bins=(1, 3)),
    Attribute("seen_on", "Seen", "date"),
    Attribute("lsoa_code", "LSOA", "category", values=MANY),
]


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(4)
    n = 3000

    def some(column):
        return pl.Series(column).scatter(rng.choice(n, 300, replace=False), None)

    return pl.DataFrame(
        {
            "person_no": pl.Series(np.arange(n) * 2 + 7, dtype=pl.Int32),
            "band": some(rng.choice(BANDS, n)),
            "sex": rng.choice(SEXES, n),
            "has_copd": rng.random(n) < 0.1,
            "lives_alone": some(rng.random(n) < 0.3),
            "cost": some(rng.lognormal(3, 2, n) * (rng.random(n) < 0.7)),
            "uses": some(rng.poisson(1, n).astype(float)),
            "seen_on": pl.Series([None] * n, dtype=pl.Date),
            "lsoa_code": rng.choice(MANY, n),
        }
    )


@pytest.fixture(scope="module")
def index(frame):
    return CohortIndex(release_view(frame, ATTRIBUTES))


@pytest.fixture(scope="module")
def cohort(frame):
    return BitMap(frame.filter(pl.col("cost") > 20)["person_no"].to_list())


def test_each_table_counts_as_a_group_by_does(frame, index, cohort):
    inside = frame.filter(pl.col("person_no").is_in(list(cohort)))
    made = {table.attribute: table for table in characterise(cohort, index.tables())}
    assert list(made) == ["band", "sex", "has_copd", "lives_alone", "cost", "uses"]
    for name in ("band", "sex"):
        counted = dict(inside[name].value_counts().iter_rows())
        table = made[name]
        assert dict(zip(table.values, table.counts, strict=True)) == {
            value: counted.get(value, 0) for value in index.view.values(name)
        }
        assert table.rest == counted.get(None, 0)
    copd = made["has_copd"]
    assert copd.values == ("yes",), "known of everyone: its no is the rest"
    assert (copd.counts[0], copd.rest) == (
        inside["has_copd"].sum(),
        inside.height - inside["has_copd"].sum(),
    )
    alone = made["lives_alone"]
    assert alone.values == ("no", "yes")
    assert alone.rest == inside["lives_alone"].null_count()
    assert made["cost"].counts.sum() == inside["cost"].count()


def test_no_of_a_flag_known_of_everyone_is_still_to_be_had(frame, index):
    no = frame.filter(~pl.col("has_copd"))["person_no"].to_list()
    assert index.view.bitmap("has_copd", "no") == BitMap(no)
    assert index.any_of("has_copd", ["no", "yes"]) == index.everyone
    assert index.known("has_copd") == index.everyone


def test_a_crosstab_counts_every_pair(frame, index, cohort):
    inside = frame.filter(pl.col("person_no").is_in(list(cohort)))
    made = crosstab(cohort, index.values("band"), index.values("sex"))
    for i, band in enumerate(BANDS):
        for j, sex in enumerate(SEXES):
            both = (pl.col("band") == band) & (pl.col("sex") == sex)
            assert made[i, j] == inside.filter(both).height


def test_sums_are_those_of_the_frame(frame, index, cohort):
    inside = frame.filter(pl.col("person_no").is_in(list(cohort)))
    for name in ("cost", "uses"):
        assert index.total(name, cohort) == pytest.approx(inside[name].sum(), rel=1e-5)
        used = inside.filter(pl.col(name) > 0)["person_no"].to_list()
        assert index.contributors(name, cohort) == BitMap(used)


def test_a_process_keeps_one_index_of_a_release(frame, index):
    assert index_of(index.view) is index_of(index.view)
    again = release_view(frame, ATTRIBUTES)
    assert index_of(again).view is again, "another release under the same number"


def test_an_attribute_that_was_never_defined_is_an_error(index):
    for ask in (index.known, index.between, index.dated):
        with pytest.raises(KeyError, match="never"):
            ask("never")
