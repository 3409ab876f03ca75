"""`load_landing DIR`: take everything that lies in a landing folder to the store."""

import json
import time
from argparse import ArgumentParser
from collections import Counter
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from linkage import actions
from linkage.landing import delivered_on, landed
from linkage.steps.read import UnreadableFileError

COUNTS = ("rows_in", "loaded", "quarantined", "excluded", "duplicate", "facts")


class Command(BaseCommand):
    help = "Load every file of a landing folder, feed by feed. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--progress", choices=["lines", "json"], default="lines")
        parser.add_argument("--received-on", type=date.fromisoformat)

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}.")
        self.as_json = options["progress"] == "json"
        received_on = options["received_on"] or delivered_on(folder)
        found = landed(folder)
        for path in found.unknown:
            self.stderr.write(f"{path.name} is of no known feed and was left alone.")
        for feed, files in groupby(found.files, key=itemgetter(0)):
            self.load(feed, [path for _, path in files], received_on)
        begun = time.monotonic()
        people = actions.settle_people()
        self.report("people", people, people, time.monotonic() - begun)

    def load(self, feed: str, paths: list[Path], received_on: date | None) -> None:
        begun = time.monotonic()
        counts: Counter[str] = Counter()
        for number, path in enumerate(paths, start=1):
            try:
                run = actions.load_feed_file(
                    feed=feed,
                    path=path,
                    by="landing",
                    received_on=received_on,
                    settle=False,
                )
            except UnreadableFileError as error:
                raise CommandError(str(error)) from error
            counts.update({name: getattr(run, name) for name in COUNTS})
            if self.as_json:
                self.say(stage=feed, done=number, total=len(paths), unit="files")
        rest = {name: counts[name] for name in COUNTS[2:]}
        self.report(
            feed, counts["rows_in"], counts["loaded"], time.monotonic() - begun, **rest
        )

    def report(
        self, stage: str, rows_in: int, rows_out: int, seconds: float, **rest: int
    ) -> None:
        if self.as_json:
            self.say(
                stage=stage,
                rows_in=rows_in,
                rows_out=rows_out,
                seconds=round(seconds, 2),
                **rest,
            )
            return
        where = ", ".join(f"{n:,} {name}" for name, n in rest.items() if n)
        self.stdout.write(
            f"{stage:<22} {rows_in:>12,} in {rows_out:>12,} loaded {seconds:>7.1f} s"
            f"  {where}"
        )

    def say(self, **line: Any) -> None:
        self.stdout.write(json.dumps(line))
        self.stdout.flush()
