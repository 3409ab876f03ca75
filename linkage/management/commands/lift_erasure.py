"""`lift_erasure REQUEST`: let an erased person's rows in again, on their own asking."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from linkage import erasing


class Command(BaseCommand):
    help = (
        "Let the rows in again that the erasure of a request keeps out, from the next"
        " delivery on: somebody who was erased registers anew and wants to be found."
        " Two people answer for it, and both names stand in the audit trail."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("request", type=int)
        parser.add_argument("--by", required=True)
        parser.add_argument("--agreed-by", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["by"] == options["agreed_by"]:
            raise CommandError("Somebody else must agree to it.")
        keys = erasing.lift_erasure(
            erasure=options["request"],
            by=options["by"],
            agreed_by=options["agreed_by"],
        )
        if not keys:
            raise CommandError("No erasure of this request keeps anything out.")
        self.stdout.write(f"{keys:,} keys are held against nobody any more.")
