"""Segments and lenses in plain Python, person by person, against those of the steps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.actions import needed
from segmentation.definitions import LENSES, PLUS, SCHEMES
from segmentation.steps.assign import assign
from segmentation.steps.lens import lenses
from tests.oracles.segment_oracle import (
    ORACLES,
    adult_areas,
    child_areas,
    in_core20plus,
)
from tests.segment_people import frame_of, people_with


def test_every_scheme_has_its_oracle() -> None:
    assert set(ORACLES) == set(SCHEMES)


@pytest.mark.parametrize("name", list(SCHEMES))
def test_segments_are_as_a_clinician_would_tell_them(name: str) -> None:
    scheme = SCHEMES[name]

    @settings(max_examples=40, deadline=None)
    @given(people_with(scheme.tested))
    def told(people: list[dict]) -> None:
        found = assign(frame_of(people, scheme.tested), scheme)
        wanted = [ORACLES[name](person) for person in people]
        assert found[scheme.attribute].to_list() == wanted
        assert found["person_no"].to_list() == list(range(len(people)))

    told()


LENS_FEATURES = sorted(
    {name for spec in LENSES.values() for name in (spec.known_by, *spec.tested)}
    | set(PLUS["default"].tested)
)


@settings(max_examples=40, deadline=None)
@given(people_with(LENS_FEATURES))
def test_core20plus5_is_as_its_pages_tell_it(people: list[dict]) -> None:
    frame = frame_of(people, LENS_FEATURES)
    found = lenses(frame, LENSES, PLUS["default"])
    for person, row in zip(people, found.iter_rows(named=True), strict=True):
        assert row["core20plus"] == in_core20plus(person)
        for areas, whole in (
            (set(adult_areas(person)), "core20plus5_adults"),
            (set(child_areas(person)), "core20plus5_children"),
        ):
            prefix = "core20plus5_child_" if whole.endswith("ren") else "core20plus5_"
            mine = {
                name
                for name, value in row.items()
                if value
                and name.startswith(prefix)
                and name not in ("core20plus5_adults", "core20plus5_children")
                and (whole.endswith("ren") or "_child_" not in name)
            }
            assert mine == areas
            assert bool(row[whole]) == bool(areas and person["age_years"] is not None)


@settings(max_examples=20, deadline=None)
@given(people_with(LENS_FEATURES), st.sampled_from(sorted(PLUS)))
def test_the_local_plus_only_adds(people: list[dict], chosen: str) -> None:
    features = sorted({*LENS_FEATURES, *PLUS[chosen].tested})
    frame = frame_of([dict.fromkeys(features) | p for p in people], features)
    found = lenses(frame, LENSES, PLUS[chosen])
    core = found["core20"].fill_null(value=False)
    assert found["core20plus"].fill_null(value=False).filter(core).all()


def test_what_the_refresh_reads_is_what_definitions_ask() -> None:
    assert set(LENS_FEATURES) <= set(needed())
