"""`evaluate_registers TRUTH`: how right the registers are, where the truth is known."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from linkage.vault.registers import evaluate_registers


class Command(BaseCommand):
    help = "Print sensitivity and positive predictive value of every register."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("truth", type=Path, help="the demo's truth folder")
        parser.add_argument("--json", action="store_true", help="one object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        truth: Path = options["truth"]
        for name in ("record_to_person.parquet", "conditions.parquet"):
            if not (truth / name).exists():
                raise CommandError(f"{truth} holds no {name}.")
        try:
            found = evaluate_registers(truth)
        except LookupError as error:
            raise CommandError(f"{error}; run refresh first") from error
        if options["json"]:
            for row in found.iter_rows(named=True):
                self.stdout.write(json.dumps(row))
            return
        self.stdout.write(
            f"{'register':<28} {'true':>8} {'found':>8} {'sensitivity':>12} {'ppv':>7}"
        )
        for row in found.iter_rows(named=True):
            sensitivity, ppv = (
                "–" if row[name] is None else f"{row[name]:.3f}"
                for name in ("sensitivity", "ppv")
            )
            self.stdout.write(
                f"{row['condition']:<28} {row['true']:>8,} {row['found']:>8,}"
                f" {sensitivity:>12} {ppv:>7}"
            )
