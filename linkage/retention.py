"""What is past its time by the retention schedules: counted, never removed here."""

from dataclasses import dataclass
from datetime import date

from django.db import connection

from governance.retention import SCHEDULES
from governance.retention.specs import AfterDeath, AfterRow, AfterUse, Schedule
from linkage.vocabulary import SETTINGS


@dataclass(frozen=True)
class PastItsTime:
    """One schedule: how many rows are past it, and how far back the oldest lies."""

    name: str
    schedule: Schedule
    rows: int
    oldest: date | None


def dry_run(on: date) -> list[PastItsTime]:
    """Count what every schedule would let go on a day. As the worker."""
    found = []
    for name, schedule in SCHEDULES.schedules.items():
        statement, given = _question(schedule, on)
        with connection.cursor() as cursor:
            cursor.execute(statement, given)
            rows, oldest = cursor.fetchone()
        found.append(PastItsTime(name, schedule, rows, oldest))
    return found


def _question(schedule: Schedule, on: date) -> tuple[str, list[object]]:
    keep = schedule.keep
    until = years_before(on, keep.years)
    match keep:
        case AfterDeath():
            return (
                "SELECT count(*), min(died_on) FROM person WHERE died_on <= %s",
                [until],
            )
        case AfterUse():
            # A child's are kept until a birthday; without a birth month, as a child's.
            child = years_before(on, keep.child_until_age or 0)
            statement = (
                "SELECT count(*), min(coalesce(a.end_on, a.start_on)) FROM activity a"
                " JOIN person p USING (person_no)"
                " WHERE a.setting = ANY(%s) AND coalesce(a.end_on, a.start_on) <= %s"
                " AND p.birth_month <= %s"
            )
            settings = [SETTINGS[name] for name in keep.settings]
            return statement, [settings, until, child]
        case AfterRow():
            statement = (
                f"SELECT count(*), min({keep.date})::date FROM {keep.table}"
                f" WHERE {keep.date} < %s"
            )
            return statement, [until]


def years_before(on: date, years: int) -> date:
    """Return the day so many years earlier; 29 February becomes the 28th."""
    try:
        return on.replace(year=on.year - years)
    except ValueError:
        return on.replace(year=on.year - years, day=28)
