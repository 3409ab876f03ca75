"""What lasted on a past day had cost what was known of it on that day."""

from datetime import date, timedelta

import pytest

from linkage.steps.derive.known import known_activity
from tests import builders

ON = date(2024, 6, 30)
BEGUN = ON - timedelta(days=99)  # a hundred days with its first and its last
TODAY = ON + timedelta(days=100)


@pytest.mark.parametrize(
    ("setting", "kind", "end", "cost", "known"),
    [
        ("social_care", "service", ON + timedelta(days=100), 200.0, 100.0),
        ("social_care", "service", ON, 200.0, 200.0),
        ("social_care", "service", None, 200.0, 100.0),  # it lasts today
        ("admitted", "spell", ON + timedelta(days=1), 5000.0, None),
        ("admitted", "spell", ON, 5000.0, 5000.0),
        ("admitted", "spell", None, None, None),
    ],
)
def test_no_cost_of_later_days_is_known(setting, kind, end, cost, known) -> None:
    row = builders.activity(setting, kind, BEGUN, end_on=end, cost_gbp=cost)
    found = known_activity(builders.activities(row), ON, TODAY)
    assert found["cost_gbp"].to_list() == [known]


def test_today_a_service_that_lasts_has_all_its_cost() -> None:
    row = builders.activity("social_care", "service", BEGUN, end_on=None, cost_gbp=7.0)
    assert known_activity(builders.activities(row), TODAY)["cost_gbp"].to_list() == [7]
