"""`load_landing DIR`: take everything that lies in a landing folder to the store."""

import json
import time
from argparse import ArgumentParser
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from linkage import actions, beside, bulk, series_actions
from linkage.beside import COUNTS
from linkage.landing import delivered_on, landed, lanes, needs
from linkage.models import FeedRun
from linkage.replays import replay_introduced
from linkage.steps.read import UnreadableFileError

# What the rows of a file that was not taken in are counted as, by its state.
NOT_TAKEN_IN = {
    FeedRun.State.HELD: "held",
    FeedRun.State.REFUSED: "refused",
    FeedRun.State.UNDONE: "undone",
}


class Command(BaseCommand):
    help = "Load every file of a landing folder, feed by feed. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--progress", choices=["lines", "json"], default="lines")
        parser.add_argument("--received-on", type=date.fromisoformat)
        parser.add_argument(
            "--jobs",
            type=int,
            default=2,
            help="lanes of feeds at the same time, those that change no index in"
            " processes of their own; 1 loads everything here",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}.")
        self.as_json = options["progress"] == "json"
        received_on = options["received_on"] or delivered_on(folder)
        found = landed(folder)
        for path in found.unknown:
            if series_actions.series_of(path):
                self.load_series(path, received_on)
                continue
            self.stderr.write(f"{path.name} is of no known feed and was left alone.")
        feeds = {
            feed: [path for _, path in files]
            for feed, files in groupby(found.files, key=itemgetter(0))
        }
        first, side_by_side = lanes(feeds)
        jobs = max(1, options["jobs"])
        for feed in first:
            self.load(feed, feeds[feed], received_on, beside.take)
        ended = {feed: Event() for feed in feeds if feed not in first}
        self.failed = Event()
        with ThreadPoolExecutor(jobs) as pool, beside.processes(jobs) as apart:
            lane = partial(self.load_lane, feeds, received_on, ended)
            # The lane that introduces people begins first: nobody waits for ever.
            for done in [
                pool.submit(lane, names, beside.take if n == 0 or jobs == 1 else apart)
                for n, names in enumerate(side_by_side)
            ]:
                done.result()
        begun = time.monotonic()
        people = actions.settle_people()
        replays = replay_introduced()
        if replays and not self.as_json:
            self.stdout.write(f"Runs whose rows had waited for their people: {replays}")
        self.report("people", people, people, time.monotonic() - begun)

    def load_series(self, path: Path, received_on: date | None) -> None:
        """Load one file of a published series."""
        series = series_actions.series_of(path)
        assert series is not None
        try:
            run = series_actions.load_series_file(
                series=series, path=path, by="landing", received_on=received_on
            )
        except UnreadableFileError as error:
            raise CommandError(str(error)) from error
        rest = {name: getattr(run, name) for name in COUNTS[2:]}
        self.report(series, run.rows_in, run.loaded, run.seconds, **rest)

    def load_lane(
        self,
        feeds: dict[str, list[Path]],
        received_on: date | None,
        ended: dict[str, Event],
        names: list[str],
        take: beside.Take,
    ) -> None:
        """Load feeds one after another, in a thread with connections of its own."""
        try:
            for feed in names:
                for awaited in needs(feed, feeds):
                    ended[awaited].wait()
                if self.failed.is_set():
                    return  # it may lack its people; begun again, it finds them
                self.load(feed, feeds[feed], received_on, take)
                ended[feed].set()
        except BaseException:
            # Said before anybody stops waiting: without its people a journal's rows
            # would be left out, and its file not be taken again.
            self.failed.set()
            raise
        finally:
            for feed in names:
                ended[feed].set()
            connections.close_all()
            bulk.close_all()

    def load(
        self,
        feed: str,
        paths: list[Path],
        received_on: date | None,
        take: beside.Take,
    ) -> None:
        begun = time.monotonic()
        counts: Counter[str] = Counter()
        for number, path in enumerate(paths, start=1):
            try:
                run = take(feed, path, received_on)
            except UnreadableFileError as error:
                raise CommandError(str(error)) from error
            if run.state == FeedRun.State.PUBLISHED:
                counts.update(run.counts)
            else:
                why = NOT_TAKEN_IN[FeedRun.State(run.state)]
                rows = run.counts["rows_in"]
                counts.update({"rows_in": rows, why: rows})
                self.stderr.write(f"{path.name} is {run.state}: {run.problem}")
                if self.as_json and why == "held":
                    self.say(held=path.name, run=run.run_id, problem=run.problem)
            if self.as_json:
                self.say(stage=feed, done=number, total=len(paths), unit="files")
        rest = {name: counts[name] for name in (*COUNTS[2:], *NOT_TAKEN_IN.values())}
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
