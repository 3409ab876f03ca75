"""`evaluate_linkage TRUTH`: how right the links are, where the truth is known."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from linkage.vault.evaluate import evaluate


class Command(BaseCommand):
    help = "Print precision and recall of the links by feed and identifier tier."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("truth", type=Path, help="the demo's truth folder")
        parser.add_argument("--json", action="store_true", help="one object a line")
        parser.add_argument("--by", choices=["feed", "tier"], default="feed")

    def handle(self, *args: Any, **options: Any) -> None:
        truth: Path = options["truth"]
        if not (truth / "record_to_person.parquet").exists():
            raise CommandError(f"{truth} holds no record_to_person.parquet.")
        rows = list(evaluate(truth, options["by"]).iter_rows(named=True))
        if options["json"]:
            for row in rows:
                self.stdout.write(json.dumps(row))
            return
        self.stdout.write(
            f"{'feed':<22} {'tier':<10} {'records':>10} {'precision':>10} {'recall':>8}"
        )
        for row in rows:
            precision, recall = (
                "–" if row[name] is None else f"{row[name]:.4f}"
                for name in ("precision", "recall")
            )
            self.stdout.write(
                f"{row.get('feed', ''):<22} {row['tier']:<10} {row['records']:>10,}"
                f" {precision:>10} {recall:>8}"
            )
