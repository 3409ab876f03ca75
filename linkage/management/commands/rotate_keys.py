"""`rotate_keys`: give the vault a new key and destroy the old one, with progress."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from linkage.vault.keyring import KeyMissingError
from linkage.vault.rotation import rotate


class Command(BaseCommand):
    help = "Seal every identifier anew under a new key. Killed, it goes on next time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--progress", choices=["lines", "json"], default="lines")

    def handle(self, *args: Any, **options: Any) -> None:
        self.as_json = options["progress"] == "json"
        try:
            version = rotate(by="command line", progress=self.progress)
        except KeyMissingError as error:
            raise CommandError(
                f"{error}. Where the key file cannot be written here, append 32 random"
                " bytes to it and run this again."
            ) from error
        if self.as_json:
            self.stdout.write(json.dumps({"version": version}))
        else:
            self.stdout.write(f"The vault is under key version {version} now.")

    def progress(self, table: str, done: int, total: int) -> None:
        if self.as_json:
            line = {"stage": table, "done": done, "total": total, "unit": "rows"}
            self.stdout.write(json.dumps(line))
        else:
            self.stdout.write(f"{table:<20} {done:>12,} of {total:,}")
        self.stdout.flush()
