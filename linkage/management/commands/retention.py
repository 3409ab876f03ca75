"""Say what is past its retention schedule. A dry run: nothing is removed."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand

from linkage.retention import dry_run


class Command(BaseCommand):
    """Print a line a schedule: its rows past their time, the oldest, the rule."""

    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--on", type=date.fromisoformat, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        for each in dry_run(options["on"]):
            oldest = f", the oldest of {each.oldest}" if each.oldest else ""
            self.stdout.write(
                f"{each.name}: {each.rows} rows past {each.schedule.keep.years} years"
                f"{oldest} ({each.schedule.title}; {each.schedule.source})"
            )
