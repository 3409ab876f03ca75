"""What attributes are made of: the feeds that close them when their basis ends."""

from linkage import legal_basis
from linkage.definitions import FEEDS
from linkage.feature_definitions import FEATURES


def test_attributes_of_hospital_stays_are_made_of_hospital_feeds():
    feeds = legal_basis.of_attribute("emergency_admissions_12m")
    assert "sus_apc" in feeds
    assert not feeds & {"gp_observation", "social_care_cld"}
    assert not legal_basis.is_from_gp("emergency_admissions_12m")


def test_what_a_practice_records_is_from_the_gp():
    assert legal_basis.is_from_gp("latest_systolic")
    assert "gp_observation" in legal_basis.of_attribute("has_hypertension")
    assert legal_basis.is_from_gp("medicines_12m")


def test_what_is_built_of_others_is_made_of_all_their_feeds():
    parts = [legal_basis.of_attribute(n) for n in ("has_diabetes_type1",)]
    assert legal_basis.of_attribute("has_diabetes") >= parts[0]


def test_places_come_from_the_registered_list_and_opt_outs_are_never_closed():
    assert legal_basis.of_attribute("practice_code") == {"registered_list"}
    assert legal_basis.of_attribute("type1_opt_out") == frozenset()
    assert not legal_basis.is_from_gp("national_opt_out")


def test_what_definitions_do_not_tell_is_made_of_every_feed():
    assert legal_basis.of_attribute("segment") == legal_basis.every_feed()
    assert "national_data_opt_out" not in legal_basis.every_feed()


def test_every_feature_is_made_of_feeds_that_exist():
    for name, spec in FEATURES.items():
        for column in spec.columns(name):
            feeds = legal_basis.of_attribute(column)
            assert feeds <= set(FEEDS)
            assert feeds or column in legal_basis.NEVER_CLOSED
