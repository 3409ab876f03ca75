"""Take the list of NHS numbers whose details are withheld nationally (S flag)."""

from pathlib import Path
from typing import Any

import polars as pl
from django.core.management.base import BaseCommand

from governance import audit
from linkage.vault import watch


class Command(BaseCommand):
    """`withheld_numbers FILE`: one NHS number a line; the whole list each time.

    Nobody on it is ever named, to anybody, special access or not.
    """

    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("path", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        lines = options["path"].read_text(encoding="utf-8-sig").splitlines()
        numbers = ["".join(c for c in line if c.isdigit()) for line in lines]
        whole = [n for n in numbers if len(n) == 10]
        count = watch.replace_withheld(pl.Series("number", whole, dtype=pl.String))
        audit.record("withheld_replaced", None, subject="withheld", numbers=count)
        self.stdout.write(f"{count:,} people are never named from now on.")
