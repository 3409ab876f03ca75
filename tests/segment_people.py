"""Random people with the features that schemes and lenses read, near what decides."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import polars as pl
from hypothesis import strategies as st

from linkage.feature_definitions import FEATURES
from linkage.release.catalogue import Attribute
from linkage.steps.derive.attributes import attributes
from tests.builders import geography

KNOWN: dict[str, Attribute] = {a.name: a for a in attributes(FEATURES, geography())}
TYPES = {
    "flag": pl.Boolean,
    "category": pl.String,
    "number": pl.Float64,
    "date": pl.Date,
}
EDGES = {
    "age_years": [0, 4, 5, 10, 11, 12, 13, 17, 18, 39, 40, 64, 65, 79, 80, 101],
    "latest_egfr": [5, 14.9, 15, 29.9, 30, 80],
    "latest_bmi": [18, 30, 30.1],
    "hospital_frailty_points_24m": [0, 0, 0, 4.9, 5, 15, 15.1],
}


def values(feature: str) -> st.SearchStrategy[Any]:
    """Mostly absent or no, or nearly everybody would be in the first segment."""
    attribute = KNOWN[feature]
    if attribute.kind == "flag":
        return st.sampled_from([None, False, False, False, False, True])
    if attribute.kind == "category":
        return st.none() | st.sampled_from(attribute.values)
    if attribute.kind == "date":
        return st.none() | st.just(date(2025, 2, 3))
    return st.none() | st.sampled_from(EDGES.get(feature, [0, 0, 1, 2, 3, 4, 5]))


def people_with(features: Iterable[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Lists of people who have these features, known or not."""
    person = st.fixed_dictionaries({name: values(name) for name in features})
    return st.lists(person, min_size=1, max_size=15)


def frame_of(
    people: Iterable[Mapping[str, Any]], features: Iterable[str]
) -> pl.DataFrame:
    """One row per person, numbered from 0, with every feature; null unless given."""
    schema = {"person_no": pl.Int32()} | {
        name: TYPES[KNOWN[name].kind]() for name in features
    }
    rows = [{"person_no": n} | dict(person) for n, person in enumerate(people)]
    return pl.DataFrame(rows, schema=schema)
