"""`load FEED PATH…`: take delivered files of one feed to the store."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count

from linkage import actions, series_actions
from linkage.definitions import FEEDS, SERIES
from linkage.models import FeedRun, RejectedRow
from linkage.steps.read import UnreadableFileError
from linkage.steps.validate import RULES

BY_NAME = "series"  # published series, each known by its file's name


class Command(BaseCommand):
    help = "Load files of one feed; the same file twice changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("feed", choices=[*sorted([*FEEDS, *SERIES]), BY_NAME])
        parser.add_argument("paths", nargs="+", type=Path)
        parser.add_argument(
            "--received-on",
            type=date.fromisoformat,
            help="the day the files arrived (YYYY-MM-DD); later dates are refused",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for path in options["paths"]:
            if not path.exists():
                raise CommandError(f"There is no {path}.")
            try:
                run = taken(options["feed"], path, options["received_on"])
            except UnreadableFileError as error:
                raise CommandError(str(error)) from error
            if run.state != FeedRun.State.PUBLISHED:
                self.stdout.write(
                    f"{path.name} was not taken in; it is {run.state} (run {run.pk})."
                    f" {run.problem}"
                )
                continue
            self.stdout.write(
                f"{path.name}: {run.rows_in:,} rows = {run.loaded:,} loaded"
                f" + {run.quarantined:,} quarantined + {run.excluded:,} excluded"
                f" + {run.duplicate:,} duplicate; {run.facts:,} facts"
                f" in {run.seconds:.1f} s (run {run.pk})"
            )
            for rule, field, rows in rejected_by_rule(run.pk):
                about = f" ({field})" if field else ""
                self.stdout.write(f"  {rows:>9,}  {RULES.get(rule, rule)}{about}")


def taken(feed: str, path: Path, received_on: date | None) -> FeedRun:
    """Load one file of a feed or of a published series."""
    by = "command line"
    if feed in FEEDS:
        return actions.load_feed_file(
            feed=feed, path=path, by=by, received_on=received_on
        )
    name = series_actions.series_of(path) if feed == BY_NAME else feed
    if name is None:
        raise CommandError(f"{path.name} is of no known series.")
    return series_actions.load_series_file(
        series=name, path=path, by=by, received_on=received_on
    )


def rejected_by_rule(run_id: int) -> list[tuple[str, str, int]]:
    """Rules broken in a run, with their field and rows, the commonest first."""
    return list(
        RejectedRow.objects.filter(run_id=run_id)
        .values_list("rule", "field")
        .annotate(rows=Count("id"))
        .order_by("-rows")
    )
