"""`check_links`: hide the numbers of a sample of records and link them anew."""

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

    def handle(self, *args: Any, **options: Any) -> None:
        made = person_actions.check_links(
            as_of=options["as_of"] or timezone.localdate()
        )
        person_actions.count_facts_in_review()
        self.stdout.write(f"{made.tried:,} records were linked anew. See /linkage/.")
