"""Take the register of people who sign in, so that a look at oneself can be seen."""

from pathlib import Path
from typing import Any

import polars as pl
from django.core.management.base import BaseCommand, CommandError

from governance import audit
from linkage.vault import watch


class Command(BaseCommand):
    """`staff_register FILE.csv`: user, nhs_number, surname, line1, postcode.

    The whole register each time. Only blind keys are kept.
    """

    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("path", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        rows = pl.read_csv(options["path"], infer_schema=False)
        if lost := [name for name in watch.STAFF_COLUMNS if name not in rows.columns]:
            raise CommandError(f"The file lacks: {', '.join(lost)}")
        number = pl.col("nhs_number").str.replace_all(r"\D", "")
        count = watch.replace_staff(rows.with_columns(number.replace("", None)))
        audit.record("staff_replaced", None, subject="staff register", people=count)
        self.stdout.write(f"{count:,} of {rows.height:,} people have an account here.")
