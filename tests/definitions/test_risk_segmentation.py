"""Every score, model, scheme and lens: it reads what exists, and says what it is."""

import csv
import json
import re

import pytest

from linkage.definitions import FEEDS
from linkage.feature_definitions import FEATURES
from linkage.release.catalogue import Attribute
from linkage.steps.derive.attributes import attributes
from risk.actions import (
    gap_attributes,
    impact_attributes,
    model_attributes,
    score_attributes,
)
from risk.definitions import (
    GAPS,
    IMPACT,
    MODELS,
    SCORES,
    points_table,
    score_tables,
    ways_table,
)
from risk.score_specs import CodedMethod, WaysMethod
from risk.steps.score_tables import features_of
from segmentation.actions import attributes as segment_attributes
from segmentation.actions import needed
from segmentation.definitions import LENSES, SCHEMES
from tests.builders import geography

KNOWN: dict[str, Attribute] = {a.name: a for a in attributes(FEATURES, geography())}
# Where each scheme's order of precedence is published, and what its groups are called.
PUBLISHED_ORDER = {
    "bridges_to_health": ("nhse_b2h_national", "core_order_high_to_low"),
    "bridges_to_health_hospital": ("nhse_b2h_national", "core_order_high_to_low"),
    "nw_london": ("nw_london_wsic_15", "columns_high_to_low"),
    "cheshire_merseyside": ("cheshire_merseyside_cipha_2023", "order_high_to_low"),
    "suffolk_north_east_essex": ("snee_icb_2024", "order_high_to_low"),
}
OUR_WORD = {
    "incurable_cancer": "short_decline",
    "semi": "serious_mental_illness",
    "ltc": "conditions",
    "ltcs": "long_term_conditions",
    "mostly_healthy": "healthy",
    "learning_disabilities": "learning_disability",
    "physical_disabilities": "physical_disability",
}
CODED = [name for name, spec in SCORES.items() if isinstance(spec.method, CodedMethod)]


@pytest.mark.parametrize("name", CODED)
def test_a_coded_score_has_its_table_and_its_feeds(name: str) -> None:
    method = SCORES[name].method
    table = points_table(name)
    assert all(group.stems and group.title for group in table.groups)
    assert all(stem.isalnum() for group in table.groups for stem in group.stems)
    assert [feed for feed in method.feeds if feed not in FEEDS] == []


def test_the_tables_hold_what_was_published() -> None:
    frailty = points_table("hospital_frailty").groups
    assert len(frailty) == 109
    assert {g.hundredths / 100 for g in frailty if g.name in {"F00", "R50"}} == {
        7.1,
        0.1,
    }
    assert len(points_table("charlson").groups) == 17
    assert len(points_table("elixhauser").groups) == 31
    assert len(points_table("shmi").groups) == 17
    assert len(ways_table("efi").conditions) == SCORES["efi"].method.out_of == 36
    assert len(ways_table("cambridge_general").conditions) == 20


def test_scores_are_reckoned_after_those_they_read() -> None:
    made: set[str] = set()
    for name, spec in score_tables().specs.items():
        assert set(features_of(spec)) <= set(KNOWN) | made, name
        made.add(spec.attribute)


def test_hospital_frailty_is_worth_the_same_as_a_feature_and_as_a_score() -> None:
    """Segments read the feature and know no score; both hold the published points."""
    rule = FEATURES["hospital_frailty_points_24m"].rule
    points = {s: worth for worth, stems in rule.points.items() for s in stems}
    table = points_table("hospital_frailty").groups
    assert points == {s: g.hundredths / 100 for g in table for s in g.stems}
    assert rule.within_days == SCORES["hospital_frailty"].method.look_back_days


@pytest.mark.sample
def test_hospital_frailty_points_agree_with_a_second_source(sample_data) -> None:
    with (sample_data / "codelists" / "hfrs_points.tsv").open() as lines:
        points = {
            row["icd10_3char"]: float(row["points"])
            for row in csv.DictReader(lines, delimiter="\t")
        }
    ours = points_table("hospital_frailty").groups
    assert {group.name: group.hundredths / 100 for group in ours} == points


@pytest.mark.sample
@pytest.mark.parametrize("weights", ["general", "mortality"])
def test_cambridge_weights_agree_with_a_second_source(sample_data, weights) -> None:
    golden = json.loads((sample_data.parent / "golden/score_tables.json").read_text())
    ours = ways_table(f"cambridge_{weights}").conditions
    assert {c.name: c.hundredths / 100 for c in ours} == golden["cms"][weights]


@pytest.mark.sample
@pytest.mark.parametrize("name", PUBLISHED_ORDER)
def test_segments_stand_in_the_order_that_was_published(sample_data, name) -> None:
    golden = json.loads((sample_data.parent / "golden/segment_models.json").read_text())
    model, order = PUBLISHED_ORDER[name]
    wanted = [OUR_WORD.get(word, word) for word in golden[model][order]]
    ours = [segment.name for segment in SCHEMES[name].segments]
    # A group of several ages is one published word.
    groups = [next(w for w in wanted if segment.startswith(w)) for segment in ours]
    assert list(dict.fromkeys(groups)) == wanted
    assert name != "nw_london" or len(ours) == 15


@pytest.mark.parametrize("name", list(SCORES))
def test_a_score_reads_features_that_exist_and_bands_ascend(name: str) -> None:
    spec = SCORES[name]
    made = {a.name for a in score_attributes()}
    assert set(features_of(spec)) - set(KNOWN) - made == set()
    if isinstance(spec.method, WaysMethod):
        assert ways_table(name).features - set(KNOWN) == set()
    starts = [b.at_least if b.above is None else b.above for b in spec.bands][1:]
    assert None not in starts
    assert starts == sorted(starts)
    assert spec.licence


@pytest.mark.parametrize("name", list(MODELS))
def test_a_model_reads_features_that_exist_as_what_they_are(name: str) -> None:
    for entry in MODELS[name].inputs:
        attribute = KNOWN[entry.feature]
        assert attribute.kind == entry.kind, entry.feature
        assert set(attribute.values) <= set(entry.values), entry.feature
        assert entry.kind == "flag" or "{" in entry.words
        assert set(entry.dates.values()) <= set(KNOWN), entry.feature
        assert entry.dated_by is None or KNOWN[entry.dated_by].kind == "date"
    assert set(MODELS[name].audit_by) <= set(KNOWN)
    # Ethnicity is for the audit of fairness, not for prediction.
    assert not [e for e in MODELS[name].inputs if "ethnic" in e.feature]


@pytest.mark.parametrize("name", list(GAPS))
def test_a_care_gap_reads_features_of_the_right_kind(name: str) -> None:
    spec = GAPS[name]
    for test in (*spec.all_of, *spec.none_of):
        if test.within_days is not None:
            wanted = "date"
        else:
            wanted = "number" if test.bounded else "flag"
        assert KNOWN[test.feature].kind == wanted, test.feature
    assert set(re.findall(r"\{(\w+)\}", spec.words)) <= set(KNOWN)


@pytest.mark.parametrize("name", list(IMPACT))
def test_impactability_reads_what_stages_before_it_make(name: str) -> None:
    made = {a.name for a in (*score_attributes(), *gap_attributes())}
    assert set(IMPACT[name].features) <= set(KNOWN) | made
    assert len(IMPACT[name].domains) == 6


def test_schemes_and_lenses_read_features_that_exist() -> None:
    assert set(needed()) - set(KNOWN) == set()


@pytest.mark.parametrize("name", list(SCHEMES))
def test_dates_and_flags_of_a_scheme_are_dates_and_flags(name: str) -> None:
    for element in SCHEMES[name].elements:
        assert set(element.features) <= set(KNOWN), element.name
        if element.since:
            assert KNOWN[element.since].kind == "date"
        assert {KNOWN[day].kind for day in element.dates.values()} <= {"date"}
        for test in element.all_of:
            if hasattr(test, "count"):
                assert {KNOWN[flag].kind for flag in test.count} == {"flag"}
            elif test.any_of is not None:
                assert set(test.any_of) <= set(KNOWN[test.feature].values)
            else:
                assert KNOWN[test.feature].kind == (
                    "number" if test.bounded else "flag"
                )


def test_no_name_stands_for_two_attributes() -> None:
    more = [
        *segment_attributes(),
        *score_attributes(),
        *gap_attributes(),
        *impact_attributes(),
        *(
            a
            for name, spec in MODELS.items()
            for a in model_attributes(name, spec, None)
        ),
    ]
    names = [attribute.name for attribute in more] + list(KNOWN)
    assert len(names) == len(set(names))
    assert {"segment", "segment_sub", "core20", "charlson", "hfrs", "efi"} <= set(names)
    assert {"risk_emergency_12m", "risk_band"} <= set(names)


@pytest.mark.parametrize("name", list(LENSES))
def test_a_lens_tests_what_it_is_known_by(name: str) -> None:
    spec = LENSES[name]
    if not (spec.within or spec.plus):
        assert spec.known_by in spec.tested
    others = {each.attribute for each in LENSES.values()}
    assert set(spec.within) <= others - {spec.attribute}
