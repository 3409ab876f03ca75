"""`search_model NAME`: try other settings of the trees, by time, with progress."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from linkage.models import Release
from risk.actions.training import training_part, training_rows
from risk.definitions import MODELS
from risk.steps.search import candidates, search


class Command(BaseCommand):
    help = "Try settings on the two training dates of the last release that trained."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", default="emergency_admission")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        if name not in MODELS or len(MODELS[name].training.train_days) < 2:
            raise CommandError("Name a model with two training dates.")
        spec = MODELS[name]
        earlier, later = sorted(spec.training.train_days, reverse=True)[:2]
        for release in Release.objects.filter(
            releasepart__part=training_part(later)
        ).order_by("-pk"):
            try:
                rows = [training_rows(release.pk, name, d) for d in (earlier, later)]
                break
            except LookupError:
                continue  # it gathered for other models
        else:
            raise CommandError("No release has kept people to learn from.")
        tried = candidates(spec)
        console = Console(stderr=True)
        with Progress(console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("Settings tried", total=len(tried))
            found = search(
                *rows,
                spec,
                tried,
                lambda done, total: bar.update(task, completed=done),
            )
        self.stdout.write("log loss   AUROC  rounds  settings")
        for each in found:
            own = "  (in the definition)" if each.trees == spec.trees else ""
            self.stdout.write(
                f"{each.log_loss:.5f}  {each.auroc:.4f}  {each.rounds:>6}"
                f"  leaves {each.trees.leaves}, rate {each.trees.learning_rate},"
                f" least in leaf {each.trees.least_in_leaf}{own}"
            )
        self.stdout.write(
            "To use one, change `trees` in the definition and have it reviewed."
        )
