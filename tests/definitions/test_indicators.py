"""Every indicator and page names only what a release really holds."""

import polars as pl
import pytest

from dashboards.definitions import INDICATORS, PAGES, PUBLISHED
from dashboards.selectors.indicators import attributes_of
from dashboards.selectors.lenses import TITLES
from dashboards.selectors.places import KIND_TITLES
from dashboards.selectors.published import ATTRIBUTES
from linkage.definitions import SERIES
from linkage.feature_definitions import FEATURES
from linkage.steps.derive.attributes import attributes
from linkage.steps.derive.people import REGISTERED, RESIDENT
from risk import actions as risk
from risk.definitions import MODELS
from segmentation import actions as segmentation


def catalogue():
    """The attributes that a release made of today's definitions would hold."""
    places = [
        pl.DataFrame({level: ["X1"] for level in levels})
        for levels in (REGISTERED, RESIDENT)
    ]
    found = attributes(FEATURES, (places[0], places[1]))
    found += segmentation.attributes()
    found += risk.score_attributes()
    found += (*risk.gap_attributes(), *risk.impact_attributes())
    for name, spec in MODELS.items():
        found += risk.model_attributes(name, spec, None)
    return {each.name: each for each in found}


CATALOGUE = catalogue()


@pytest.mark.parametrize("name", INDICATORS)
def test_an_indicator_reads_attributes_that_exist(name):
    spec = INDICATORS[name]
    known = set(CATALOGUE)
    assert set(attributes_of(spec)) <= known
    assert set(spec.lenses) <= known
    if spec.before is not None:
        assert spec.before.sum_of in known


@pytest.mark.parametrize("name", INDICATORS)
def test_an_indicator_asks_for_values_that_exist(name):
    spec = INDICATORS[name]
    tests = [*spec.among] + ([spec.count] if spec.unit == "people" else [])
    for test in tests:
        wanted = getattr(test, "any_of", None)
        if wanted is not None:
            assert set(wanted) <= set(CATALOGUE[test.feature].values), test


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_indicators_and_divisions_that_exist(name):
    for panel in PAGES[name].panels:
        if panel.chart == "xmr":
            assert panel.indicator in PUBLISHED
            continue
        spec = INDICATORS[panel.indicator]
        if panel.chart == "funnel":
            assert panel.by in KIND_TITLES
            assert panel.by in spec.by
        else:
            assert panel.by in TITLES
            assert panel.by in spec.lenses, "its download is the indicator's own"


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_indicator_reads_a_series_that_exists(name):
    spec = PUBLISHED[name]
    series = SERIES[spec.series]
    assert spec.measure in {**series.measures, **series.rates}
    assert series.area.kind == "country" or series.area.kind in ATTRIBUTES
    assert set(ATTRIBUTES.values()) <= set(CATALOGUE)
    assert bool(spec.breakdown) <= bool(series.by)


def test_no_indicator_is_both_counted_and_published():
    assert not set(INDICATORS) & set(PUBLISHED)


@pytest.mark.parametrize("lens", sorted(TITLES))
def test_every_lens_is_a_category(lens):
    assert CATALOGUE[lens].kind == "category"
