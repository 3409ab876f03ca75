"""`replay RUN…`: take the rows that a run rejected through the road once more."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from linkage import replays, series_actions
from linkage.definitions import SERIES
from linkage.models import FeedRun


class Command(BaseCommand):
    help = "Replay rejected rows, after a definition or a missing feed was put right."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("runs", nargs="+", type=int, metavar="RUN")

    def handle(self, *args: Any, **options: Any) -> None:
        for run_id in options["runs"]:
            origin = FeedRun.objects.filter(pk=run_id).first()
            if origin is None:
                raise CommandError(f"There is no run {run_id}.")
            is_series = origin.feed in SERIES
            replay = series_actions.replay_run if is_series else replays.replay_run
            run = replay(run_id=run_id, by="command line")
            if run is None:
                self.stdout.write(f"Run {run_id} keeps no rejected row.")
                continue
            self.stdout.write(
                f"Run {run_id}: of {run.rows_in:,} rejected rows {run.loaded:,} are"
                f" loaded now, {run.quarantined + run.excluded:,} rejected again,"
                f" {run.duplicate:,} duplicate (run {run.pk})"
            )
