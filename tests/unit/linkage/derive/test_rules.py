"""What each rule means at its edges, on the product's own features."""

from datetime import date, timedelta

import pytest

from linkage.feature_definitions import FEATURES, codelists
from linkage.feature_specs import FeatureSpec
from linkage.steps.derive.features import check
from tests.builders import AS_OF, activity, derived, event, person

COPD, COPD_RESOLVED = "13645005", "941201000000103"
EGFR, BMI, HBA1C = "1011481000000105", "60621009", "1049301000000100"
DIABETES, DEPRESSION = "44054006", "35489007"
MODERATE, SEVERE = "925831000000107", "925861000000102"


def days_ago(days):
    return AS_OF - timedelta(days=days)


def one(*events, activity=(), **options):
    return derived(events, activity, **options).row(0, named=True)


class TestRegister:
    def test_a_code_counts_when_later_than_the_resolved_code(self):
        found = one(
            event(COPD, days_ago(900)),
            event(COPD_RESOLVED, days_ago(500)),
            event(COPD, days_ago(499)),
        )
        assert (found["has_copd"], found["copd_since"]) == (True, days_ago(499))

    @pytest.mark.parametrize("later", [0, 1])
    def test_a_code_on_or_before_the_resolved_codes_day_does_not_count(self, later):
        found = one(
            event(COPD, days_ago(500)), event(COPD_RESOLVED, days_ago(500 - later))
        )
        assert (found["has_copd"], found["copd_since"]) == (False, None)

    def test_two_hospital_days_are_a_second_source(self):
        def admitted(day):
            return event("J449", day, kind="diagnosis", system="icd10")

        once = one(admitted(days_ago(9)), admitted(days_ago(9)))
        twice = one(admitted(days_ago(9)), admitted(days_ago(8)))
        assert not once["has_copd"]
        assert (twice["has_copd"], twice["copd_since"]) == (True, days_ago(9))

    def test_an_emergency_departments_diagnosis_is_not_a_gp_code(self):
        found = one(event(COPD, days_ago(9), kind="diagnosis"))
        assert not found["has_copd"]

    def test_values_admit_after_exactly_the_days_asked_for(self):
        def twice(apart):
            return one(
                event(EGFR, days_ago(apart), value=59.0), event(EGFR, AS_OF, value=59.0)
            )

        assert not twice(89)["has_chronic_kidney_disease"]
        found = twice(90)
        assert found["has_chronic_kidney_disease"]
        assert found["chronic_kidney_disease_since"] == days_ago(90)

    @pytest.mark.parametrize("better_on", [50, 0])
    def test_a_better_value_between_or_after_breaks_the_run(self, better_on):
        found = one(
            event(EGFR, days_ago(200), value=40.0),
            event(EGFR, days_ago(better_on), value=60.0),
            event(EGFR, days_ago(1), value=40.0),
        )
        assert not found["has_chronic_kidney_disease"]

    def test_a_latest_value_admits_since_the_run_began(self):
        found = one(
            event(BMI, days_ago(900), value=35.0),
            event(BMI, days_ago(600), value=29.9),
            event(BMI, days_ago(300), value=30.0),
            event(BMI, days_ago(100), value=41.0),
            event(BMI, days_ago(50), value=300.0),  # not a plausible index
        )
        assert (found["has_obesity"], found["obesity_since"]) == (True, days_ago(300))

    @pytest.mark.parametrize(("age", "on"), [(16, False), (17, True)])
    def test_nobody_is_on_it_under_its_age(self, age, on):
        born = AS_OF.replace(year=AS_OF.year - age, day=1)
        found = one(event(DIABETES, AS_OF), person_rows=[person(birth_month=born)])
        assert found["has_diabetes_type2"] is on
        assert (found["diabetes_type2_since"] is None) is not on

    def test_an_age_not_known_keeps_nobody_off(self):
        found = one(event(DIABETES, AS_OF), person_rows=[person(birth_month=None)])
        assert found["has_diabetes_type2"]

    @pytest.mark.parametrize(
        ("day", "on"), [(date(2006, 3, 31), False), (date(2006, 4, 1), True)]
    )
    def test_codes_before_the_registers_first_day_do_not_count(self, day, on):
        assert one(event(DEPRESSION, day))["has_depression"] is on

    def test_a_near_miss_is_not_the_condition(self):
        family_history, screening = "160303001", "171207006"
        found = one(event(family_history, AS_OF), event(screening, AS_OF))
        assert not any(
            found[f"has_{name}"] for name in ("depression", "diabetes_type2")
        )
        assert found["condition_count"] == 0

    def test_conditions_are_counted(self):
        found = one(event(COPD, AS_OF), event(DIABETES, AS_OF))
        assert found["condition_count"] == 2


class TestValues:
    def test_the_latest_plausible_value_wins(self):
        found = one(
            event(BMI, days_ago(10), value=24.0),
            event(BMI, days_ago(5), value=240.0),
            event(BMI, days_ago(4), value=None),
        )
        assert (found["latest_bmi"], found["latest_bmi_on"]) == (24.0, days_ago(10))

    def test_values_of_one_day_give_their_mean(self):
        found = one(
            event(BMI, AS_OF, value=24.0),
            event(BMI, AS_OF, value=26.0),
            event(BMI, days_ago(1), value=50.0),
        )
        assert found["latest_bmi"] == 25.0

    def test_a_percentage_of_hba1c_is_turned_into_mmol_per_mol(self):
        found = one(event(HBA1C, AS_OF, value=7.0, unit=" % "))
        assert found["latest_hba1c"] == pytest.approx(53.0, abs=0.1)

    def test_a_percentage_without_its_unit_is_not_a_value(self):
        assert one(event(HBA1C, AS_OF, value=7.0))["latest_hba1c"] is None

    def test_the_latest_group_wins_and_on_one_day_the_graver(self):
        found = one(
            event(SEVERE, days_ago(9)),
            event(SEVERE, days_ago(3)),
            event(MODERATE, days_ago(3)),
            event(MODERATE, days_ago(6)),
        )
        assert found["frailty_recorded"] == "severe"
        assert found["frailty_recorded_on"] == days_ago(3)
        later = one(event(SEVERE, days_ago(9)), event(MODERATE, days_ago(3)))
        assert later["frailty_recorded"] == "moderate"


class TestMedicines:
    def issued(self, code, day):
        return event(code, day, kind="prescription", system="bnf")

    def test_substances_are_counted_once_whatever_the_presentation(self):
        found = one(
            self.issued("0212000B0AAAAAA", AS_OF),
            self.issued("0212000B0BBAAAA", AS_OF),
            self.issued("0402010ADAAAAAA", days_ago(364)),
            self.issued("0501013B0AAAAAA", days_ago(365)),  # a day too long ago
            self.issued("20030000000", AS_OF),  # a dressing
        )
        assert found["medicines_12m"] == 2
        assert found["takes_statins"]
        assert not found["takes_antipsychotics"]  # within six months only


class TestCircumstances:
    def test_a_later_code_ends_an_earlier_one(self):
        alone, home = "105529008", "160734000"
        found = one(event(alone, days_ago(9)), event(home, days_ago(3)))
        assert (found["lives_alone"], found["in_care_home"]) == (False, True)

    def test_a_funded_place_is_a_care_home_until_it_ends(self):
        def place(end_on):
            return activity(
                "social_care",
                "service",
                days_ago(300),
                end_on=end_on,
                specialty="Long term support: Nursing care",
            )

        assert one(activity=[place(None)])["in_care_home"]
        assert one(activity=[place(AS_OF + timedelta(days=1))])["in_care_home"]
        ended = one(activity=[place(AS_OF)])
        assert not ended["in_care_home"]
        assert not ended["long_term_social_care"]

    def test_days_since_and_latest_date(self):
        review, plan = "314530002", "823581000000101"
        found = one(event(review, days_ago(7)), event(plan, days_ago(70)))
        assert found["last_medication_review_days"] == 7
        assert found["care_plan_on"] == days_ago(70)
        assert one()["last_medication_review_days"] is None


class TestActivity:
    def admitted(self, start, end=None, **given):
        return activity(
            "admitted", "spell", start, end_on=end, urgency="emergency", **given
        )

    @pytest.mark.parametrize(
        ("ago", "recent", "before"),
        [(0, 1, 0), (364, 1, 0), (365, 0, 1), (729, 0, 1), (730, 0, 0)],
    )
    def test_a_year_is_365_days_and_the_year_before_follows(self, ago, recent, before):
        found = one(activity=[self.admitted(days_ago(ago))])
        assert found["emergency_admissions_12m"] == recent
        assert found["emergency_admissions_prior_12m"] == before
        assert found["days_since_emergency_admission"] == ago

    def test_nobody_seen_is_nought_and_days_since_is_not_known(self):
        found = one()
        assert found["emergency_admissions_12m"] == 0
        assert found["cost_total_12m"] == 0.0
        assert found["days_since_gp"] is None
        assert found["open_community_referral"] is False

    def test_nights_before_the_year_and_after_the_date_do_not_count(self):
        long_ago = self.admitted(days_ago(370), days_ago(360))
        still_in = self.admitted(days_ago(3), AS_OF + timedelta(days=9))
        found = one(activity=[long_ago, still_in])
        assert found["bed_days_12m"] == 5 + 3
        assert found["in_hospital"]
        assert found["emergency_admissions_12m"] == 1

    def test_a_lasting_service_bears_its_cost_evenly(self):
        # 730 days, half of them in the last 365.
        service = activity(
            "social_care", "service", days_ago(729), end_on=None, cost_gbp=7300.0
        )
        visit = activity("gp", "appointment", days_ago(364), cost_gbp=42.0)
        found = one(activity=[service, visit])
        assert found["cost_social_care_12m"] == pytest.approx(3650.0)
        assert found["cost_gp_12m"] == pytest.approx(42.0)
        assert found["cost_total_12m"] == pytest.approx(3692.0)

    def test_missed_appointments_are_not_attendances(self):
        found = one(
            activity=[
                activity("gp", "appointment", AS_OF, outcome="DNA"),
                activity("outpatient", "attendance", AS_OF, outcome="3"),
                activity("outpatient", "attendance", AS_OF, outcome="6"),
            ]
        )
        assert (found["gp_appointments_12m"], found["gp_missed_12m"]) == (0, 1)
        assert found["outpatient_attendances_12m"] == 1
        assert found["outpatient_missed_12m"] == 1

    def test_what_was_recorded_after_the_date_was_not_known(self):
        late = self.admitted(AS_OF, recorded_on=AS_OF + timedelta(days=1))
        assert one(activity=[late])["emergency_admissions_12m"] == 0
        unknown = self.admitted(AS_OF, recorded_on=None)
        assert one(activity=[unknown])["emergency_admissions_12m"] == 1


class TestDefinitions:
    def feature(self, rule):
        return FeatureSpec(
            title="x",
            group="Conditions",
            owner="x",
            review_by=AS_OF,
            source="x",
            rule=rule,
        )

    def test_a_codelist_that_does_not_exist_is_named(self):
        spec = self.feature({"kind": "has_code", "codes": ["nowhere"]})
        with pytest.raises(LookupError, match="x: no codelist nowhere"):
            check({"x": spec}, codelists())

    def test_a_feature_that_does_not_exist_is_named(self):
        spec = self.feature({"kind": "any_of", "features": ["nothing"]})
        with pytest.raises(LookupError, match="x: no feature nothing"):
            check({"x": spec}, codelists())

    def test_features_in_a_circle_are_named(self):
        rule = {"kind": "any_of"}
        specs = {
            "a": self.feature(rule | {"features": ["b"]}),
            "b": self.feature(rule | {"features": ["a"]}),
        }
        with pytest.raises(LookupError, match="circle: a, b"):
            check(specs, codelists())

    def test_features_may_be_built_on_features_in_any_order(self):
        order = {name: FEATURES[name] for name in sorted(FEATURES, reverse=True)}
        assert derived(specs=order)["cost_total_12m"].to_list() == [0.0]

    @pytest.mark.parametrize(
        ("rule", "message"),
        [
            ({"kind": "has_code", "codes": []}, "at least 1"),
            ({"kind": "has_code", "codes": ["a"], "sql": "x"}, "Extra inputs"),
            (
                {"kind": "latest_value", "codes": ["a"], "low": 2, "high": 1},
                "low must be under high",
            ),
            (
                {"kind": "open_activity", "use": {"settings": ["gym"]}},
                "gym: none of",
            ),
            (
                {
                    "kind": "count_activity",
                    "use": {"settings": ["gp"]},
                    "from_days": 9,
                    "to_days": 9,
                },
                "from_days must be under",
            ),
            ({"kind": "expression", "text": "1+1"}, "does not match any"),
        ],
    )
    def test_a_rule_outside_the_vocabulary_is_refused(self, rule, message):
        with pytest.raises(ValueError, match=message):
            self.feature(rule)
