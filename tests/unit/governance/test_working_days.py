"""Duties in working days: weekends and England's bank holidays do not count."""

from datetime import date

import pytest

from governance.working_days import BANK_HOLIDAYS, SATURDAY, working_days_after

WORKING_DAYS_OFF_A_YEAR = 8


@pytest.mark.parametrize(
    ("day", "last"),
    [
        ("2026-11-23", "2026-11-25"),
        ("2026-11-19", "2026-11-23"),
        ("2026-11-20", "2026-11-24"),
        ("2026-11-21", "2026-11-24"),
        # Maundy Thursday: Good Friday, a weekend and Easter Monday do not count.
        ("2026-04-02", "2026-04-08"),
        # Boxing Day of 2026 is a Saturday, and Monday the 28th in its place.
        ("2026-12-24", "2026-12-30"),
        ("2027-12-24", "2027-12-30"),
        ("2027-12-31", "2028-01-05"),
        # Nothing is known of that year: early rather than late.
        ("2040-12-24", "2040-12-26"),
    ],
)
def test_weekends_and_bank_holidays_do_not_count(day, last):
    found = working_days_after(date.fromisoformat(day), 2)
    # 24 December 2040 is a Monday.
    assert found == date.fromisoformat(last)


def test_the_table_is_whole_years_of_weekdays_in_order():
    days = BANK_HOLIDAYS.days
    assert list(days) == sorted(set(days))
    assert all(day.weekday() < SATURDAY for day in days)
    years = {day.year for day in days}
    assert sorted(years) == list(range(min(years), max(years) + 1))
    for year in years:
        assert sum(day.year == year for day in days) >= WORKING_DAYS_OFF_A_YEAR
    assert BANK_HOLIDAYS.review_by.year <= max(years)
