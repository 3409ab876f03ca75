"""`roll_back_run RUN --reason …`: take a published run back."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from linkage.models import FeedRun
from linkage.roll_back import RefusedRollBackError, roll_back_run


class Command(BaseCommand):
    help = "Take a run back: the store ends as if it had never been. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", type=int, metavar="RUN")
        parser.add_argument("--reason", required=True, help="kept with the run")

    def handle(self, *args: Any, **options: Any) -> None:
        run_id = options["run"]
        try:
            run = roll_back_run(
                run_id=run_id, reason=options["reason"], by="command line"
            )
        except FeedRun.DoesNotExist as error:
            raise CommandError(f"There is no run {run_id}.") from error
        except RefusedRollBackError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Run {run.pk} ({run.file_name}) is rolled back: its {run.facts:,} facts"
            " are gone, and what they had replaced is back. The next release shows it."
        )
