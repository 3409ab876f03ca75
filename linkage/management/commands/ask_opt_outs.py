"""`ask_opt_outs FILE`: write the numbers to send to the national opt-out service."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from linkage import person_actions


class Command(BaseCommand):
    help = (
        "Write the NHS numbers of everyone known to FILE, a number and a comma a line,"
        " for MESH to carry to the opt-out service; its reply is a feed"
        " (national_opt_out_reply)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        numbers = person_actions.ask_opt_outs(by="command line")
        # Nobody but this user may read it.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(f"{number},\n" for number in numbers)
        self.stdout.write(f"{len(numbers):,} numbers are to be asked about: {path}")
