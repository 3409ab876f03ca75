"""Numbers, dates and absent values as a reader in the NHS expects to see them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

NOT_KNOWN = "not known"
LONDON = ZoneInfo("Europe/London")


def count(value: float | None) -> str:
    """Write a count with thousands commas: 12,345."""
    return NOT_KNOWN if value is None else f"{round(value):,}"


def amount(value: float | None) -> str:
    """Write a count as such, and what is no whole number with one decimal."""
    if value is None or value == int(value):
        return count(value)
    return number(value, 1 if abs(value) >= 10 else 2)


def number(value: float | None, decimals: int = 1) -> str:
    """Write a rate or mean with thousands commas and fixed decimals: 1,234.5."""
    return NOT_KNOWN if value is None else f"{value:,.{decimals}f}"


def duration(hours: float) -> str:
    """Write a length of time in hours and minutes: 1 hour, 45 minutes, 2 hours 30
    minutes."""
    whole, minutes = divmod(round(hours * 60), 60)
    said = [(whole, "hour"), (minutes, "minute")]
    return " ".join(
        f"{number:,} {unit}{'' if number == 1 else 's'}"
        for number, unit in said
        if number or (unit == "minute" and not whole)
    )


def percent(value: float | None, decimals: int = 1) -> str:
    """Write a share given as 0 to 1 as a percentage: 0.123 is 12.3%."""
    return NOT_KNOWN if value is None else f"{value * 100:,.{decimals}f}%"


def pounds(value: float | None, decimals: int = 0) -> str:
    """Write an amount in pounds: £1,234, and −£5 for a negative one."""
    if value is None:
        return NOT_KNOWN
    sign = "−" if value < 0 else ""
    return f"{sign}£{abs(value):,.{decimals}f}"


def day(value: date | None) -> str:
    """Write a date in words: 3 April 2026."""
    return NOT_KNOWN if value is None else f"{value.day} {value:%B %Y}"


def moment(value: datetime | None) -> str:
    """Write a moment in words, in London time: 3 April 2026 at 14:05."""
    if value is None:
        return NOT_KNOWN
    local = value.astimezone(LONDON)
    return f"{day(local)} at {local:%H:%M}"
