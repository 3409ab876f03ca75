"""Working days in England: Monday to Friday, but for the bank holidays set down."""

from datetime import date, timedelta
from pathlib import Path

from governance.definitions import load_file
from governance.specs import Definition

SATURDAY = 5


class BankHolidays(Definition):
    """The days on which England does not work, in order."""

    days: tuple[date, ...]


BANK_HOLIDAYS = load_file(Path(__file__).with_name("bank_holidays.yaml"), BankHolidays)
DAYS_OFF = frozenset(BANK_HOLIDAYS.days)


def is_working_day(day: date) -> bool:
    """Whether England works on a day."""
    return day.weekday() < SATURDAY and day not in DAYS_OFF


def working_days_after(day: date, days: int) -> date:
    """Return the day that lies so many working days after a day."""
    while days:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return day
