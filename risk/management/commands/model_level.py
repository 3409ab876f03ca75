"""`model_level NAME recalibrate|use|resume`: what people decide about a model's level.

`recalibrate` sets the level anew by the newest outcomes, proposed by the person named
`--by`: a version that waits for a second person's yes on its page, and comes into use
with the next refresh. `use --version-no N` goes back to another version that two people
approved. `resume --because WORDS` lets a stopped model order lists again.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance.access import viewer_for
from governance.models import User
from linkage.release import selectors as release
from risk import actions, decisions
from risk.definitions import MODELS


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
            self._recalibrate(name, by)
        elif options["what"] == "use":
            if options["version_no"] is None:
                raise CommandError("Say which with --version-no.")
            try:
                decisions.use_version(name=name, version=options["version_no"], by=by)
            except (LookupError, decisions.RefusedApprovalError) as error:
                raise CommandError(str(error)) from error
        else:
            if not options["because"]:
                raise CommandError("Say --because: what was looked into, and found.")
            decisions.resume(name=name, because=options["because"], by=by)

    def _recalibrate(self, name: str, by: str) -> None:
        user = User.objects.filter(username=by).first()
        viewer = viewer_for(user) if user else None
        if viewer is None or not viewer.may_open("approve_model"):
            raise CommandError(f"{by} is nobody who may propose a level")
        live = release.current()
        if live is None:
            raise CommandError("There is no release yet.")
        try:
            made = actions.recalibrate(name=name, release_id=live.id, by=viewer)
        except decisions.RefusedApprovalError as error:
            raise CommandError(str(error)) from error
        before, after = (made.calibration[key] for key in ("before", "after"))
        self.stdout.write(
            f"Version {made.version} has a new level. Of {after['people']:,} people by"
            " whom it was not set, observed over expected:"
            f" {before['observed_over_expected']:.3f} before,"
            f" {after['observed_over_expected']:.3f} after (95% interval"
            f" {after['interval'][0]:.3f} to {after['interval'][1]:.3f})."
            " A second person must approve it."
        )
