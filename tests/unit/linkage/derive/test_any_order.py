"""Features are the same to their last digit, whatever order the rows were loaded in."""

from random import Random

from polars.testing import assert_frame_equal

from tests.builders import activity, derived, event, person
from tests.unit.linkage.derive.test_rules import EGFR, HBA1C, days_ago

PEOPLE = range(1, 6)


def test_sums_means_and_slopes_do_not_depend_on_the_order_of_rows() -> None:
    rng = Random(1)
    events = [
        event(code, days_ago(day), person_no=n, value=rng.uniform(5, 9) * times, unit=u)
        for n in PEOPLE
        for day in range(0, 700, 50)
        for code, times, u in ((EGFR, 9.1, None), (HBA1C, 1, "%"), (HBA1C, 1, "%"))
        for _ in range(3)
    ]
    used = [
        activity(
            "social_care",
            "service",
            days_ago(rng.randint(1, 500)),
            person_no=n,
            end_on=days_ago(-rng.randint(0, 300)),
            cost_gbp=rng.uniform(10, 9000),
        )
        for n in PEOPLE
        for _ in range(12)
    ]
    who = [person(n) for n in PEOPLE]
    first = derived(events, used, person_rows=who)
    assert first["cost_social_care_12m"].min() > 0
    assert first["egfr_trend"].null_count() == 0
    assert first["latest_hba1c"].null_count() == 0
    for _ in range(5):
        rng.shuffle(events)
        rng.shuffle(used)
        again = derived(events, used, person_rows=who)
        assert_frame_equal(again, first, check_exact=True)
