"""`pseudonyms RECIPIENT PURPOSE FILE OUT`: rows in a form fit to leave the store."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import polars as pl
from django.core.management.base import BaseCommand, CommandError

from linkage import person_actions
from linkage.vault.pseudonyms import RefusedPseudonymError

BY = "command line"


class Command(BaseCommand):
    help = (
        "Put a recipient's pseudonyms in the place of person_no in a CSV or Parquet"
        " file. Another recipient's file of the same people does not join with it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("recipient")
        parser.add_argument("purpose")
        parser.add_argument("file", type=Path, help="with a column person_no")
        parser.add_argument("out", type=Path)
        parser.add_argument(
            "--new-epoch",
            action="store_true",
            help="other pseudonyms than before, from now on",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        recipient, purpose = options["recipient"], options["purpose"]
        file, out = options["file"], options["out"]
        try:
            is_parquet = file.suffix == ".parquet"
            rows = pl.read_parquet(file) if is_parquet else pl.read_csv(file)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise CommandError(f"{file} cannot be read as rows.") from error
        if "person_no" not in rows.columns:
            raise CommandError(f"{file} has no column person_no.")
        try:
            if options["new_epoch"]:
                person_actions.begin_epoch(recipient=recipient, purpose=purpose, by=BY)
            made = person_actions.pseudonymise(
                rows=rows, recipient=recipient, purpose=purpose, by=BY
            )
        except RefusedPseudonymError as error:
            raise CommandError(str(error)) from error
        if out.suffix == ".parquet":
            made.write_parquet(out)
        else:
            made.write_csv(out)
        self.stdout.write(f"{made.height:,} rows for {recipient}: {out}")
