"""`check_links`: hide the numbers of a sample of records and link them anew."""

import json
import time
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from linkage import person_actions


class Command(BaseCommand):
    help = "Check the links on real records, for the linkage report; nightly by itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", type=date.fromisoformat)
        parser.add_argument("--progress", choices=["lines", "json"], default="lines")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        made = person_actions.check_links(
            as_of=options["as_of"] or timezone.localdate()
        )
        person_actions.count_facts_in_review()
        if options["progress"] == "json":
            line = {"stage": "check_links", "rows_in": made.tried}
            line |= {"rows_out": made.tried, "seconds": time.monotonic() - begun}
            self.stdout.write(json.dumps(line))
        else:
            self.stdout.write(
                f"{made.tried:,} records were linked anew. See /linkage/."
            )
