"""`model_level NAME recalibrate|use|resume`: what people decide about a model's level.

`recalibrate` sets the level anew on the last release that trained, as a version that
is not in use; `use --version-no N` puts a version to use after its card was looked at;
`resume --because WORDS` lets a stopped model order lists again.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from risk import actions, decisions
from risk.definitions import MODELS
from risk.models import TrainedModel


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("what", choices=("recalibrate", "use", "resume"))
        parser.add_argument("--version-no", type=int)
        parser.add_argument("--because", default="")
        parser.add_argument("--by", required=True, help="who decides, for the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        name, by = options["name"], options["by"]
        if name not in MODELS:
            raise CommandError(f"no model {name!r}; there are: {', '.join(MODELS)}")
        if options["what"] == "recalibrate":
            model = TrainedModel.objects.filter(name=name, in_use=True).first()
            if model is None:
                raise CommandError(f"{name} has not been trained")
            release_id = model.definitions["release"]
            made = actions.recalibrate(name=name, release_id=release_id, by=by)
            self.stdout.write(
                f"Version {made.version} has a new level: intercept"
                f" {made.calibration['intercept']:+.3f}, slope"
                f" {made.calibration['slope']:.3f}. Look at its card (model_card {name}"
                f" --model-version {made.version}), then use it."
            )
        elif options["what"] == "use":
            if options["version_no"] is None:
                raise CommandError("Say which with --version-no.")
            try:
                decisions.use_version(name=name, version=options["version_no"], by=by)
            except LookupError as error:
                raise CommandError(str(error)) from error
        else:
            if not options["because"]:
                raise CommandError("Say --because: what was looked into, and found.")
            decisions.resume(name=name, because=options["because"], by=by)
