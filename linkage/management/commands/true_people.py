"""`true_people TRUTH OUT`: who each person of the store is, where truth is known."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from linkage.vault.evaluate import true_people


class Command(BaseCommand):
    help = "Write person_no and person of made people, to compare with their truth."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("truth", type=Path, help="the demo's truth folder")
        parser.add_argument("out", type=Path, help="a Parquet file to write")

    def handle(self, *args: Any, **options: Any) -> None:
        truth: Path = options["truth"]
        if not (truth / "record_to_person.parquet").exists():
            raise CommandError(f"{truth} holds no record_to_person.parquet.")
        true_people(truth).write_parquet(options["out"])
