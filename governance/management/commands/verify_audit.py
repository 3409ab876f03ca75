"""Check the audit trail: every row altered, removed, moved or cut off, by name."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from governance.trail import verify


class Command(BaseCommand):
    """Exit code 0: the trail stands as it was written. 1: what does not is printed."""

    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--json", action="store_true", help="the verdict as one")

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = verify()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(verdict)))
        else:
            self.stdout.write(
                f"{verdict.rows:,} rows of {verdict.chains} chains checked against"
                f" {verdict.anchored:,} anchors: "
                + (
                    f"{len(verdict.faults)} faults."
                    if verdict.faults
                    else "nothing altered, removed, moved or cut off."
                )
            )
            for fault in verdict.faults:
                self.stdout.write(f"  {fault}")
        if verdict.faults:
            raise SystemExit(1)
