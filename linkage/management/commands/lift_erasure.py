"""`lift_erasure REQUEST`: let an erased person's rows in again, on their own asking."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from linkage import erasing


class Command(BaseCommand):
    help = (
        "Let the rows in again that the erasure of a request keeps out, from the next"
        " delivery on: somebody who was erased registers anew and wants to be found."
        " Two people answer for it who may decide on erasures: their user names are"
        " held against the accounts of today, and stand in the audit trail."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("request", type=int)
        parser.add_argument("--by", required=True)
        parser.add_argument("--agreed-by", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            keys = erasing.lift_erasure(
                erasure=options["request"],
                by=options["by"],
                agreed_by=options["agreed_by"],
            )
        except erasing.RefusedLiftError as error:
            raise CommandError(str(error)) from error
        if not keys:
            raise CommandError("No erasure of this request keeps anything out.")
        self.stdout.write(
            f"{keys:,} keys are held against nobody any more. Whether the person has"
            " opted out nationally is known again from the next national list: load it"
            " before other feeds."
        )
