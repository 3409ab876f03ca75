"""Reconciliations name series, measures and attributes that there are."""

import pytest

from dashboards.definitions import RECONCILIATIONS
from linkage.definitions import SERIES
from linkage.feature_definitions import FEATURES

COLUMNS = {c for name, spec in FEATURES.items() for c in spec.columns(name)}


@pytest.mark.parametrize("name", RECONCILIATIONS)
def test_what_it_names_exists(name: str) -> None:
    spec = RECONCILIATIONS[name]
    series = SERIES[spec.series]
    assert {spec.count, spec.out_of} <= set(series.measures)
    for register in spec.registers:
        assert register.attribute in COLUMNS, register.title
        assert register.breakdown.count(" · ") == len(series.by) - 1
