"""`load_reference DIR`: organisations, areas, links and postcodes from a folder."""

import json
import time
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from linkage.reference.actions import load_reference
from linkage.reference.files import BadReference


class Command(BaseCommand):
    help = "Load reference data (ODS, ONS and IMD files) from a folder"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--valid-from",
            type=date.fromisoformat,
            help="the day (YYYY-MM-DD) from which changed links hold; without it the"
            " delivery corrects what was loaded before",
        )
        parser.add_argument("--by", default="reference")
        parser.add_argument("--progress", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            done = load_reference(
                folder=options["folder"],
                by=options["by"],
                valid_from=options["valid_from"],
            )
        except BadReference as error:
            raise CommandError(str(error)) from error
        if options["progress"] == "json":
            rows = sum(done.counts.values())
            closing = {"stage": "reference", "rows_in": rows, "rows_out": rows}
            closing["seconds"] = time.monotonic() - began
            self.stdout.write(json.dumps(closing))
            return
        for what, count in done.counts.items():
            self.stdout.write(f"{what:<40}{count:>9,}")
        for what, count in done.changes.items():
            self.stdout.write(f"{what:<40}{count:>9,}")
        self.stdout.write("Read: " + ", ".join(done.read))
        if done.unread:
            self.stdout.write("Not read: " + ", ".join(done.unread))
        for note in done.notes:
            self.stdout.write("Note: " + note)
        self.stdout.write(f"Loaded in {time.monotonic() - began:.1f} s")
