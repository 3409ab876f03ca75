"""Let two demonstration accounts approve the models, and make the lists in order."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dashboards.actions import make_lists
from governance.access import viewer_for
from governance.models import User
from linkage.release import selectors as release
from risk import decisions
from risk import selectors as risk
from risk.definitions import MODELS

APPROVERS = ("analyst", "mdt")
NOTE = "For the demonstration, on invented people."


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--progress", choices=["json"], default=None)

    def handle(self, *args: Any, **options: Any) -> None:
        """Approve every trained model; print {"approved": [names]} as JSON."""
        approved = []
        for name in MODELS:
            if risk.model_card(name) is None:
                continue
            for username in APPROVERS:
                self._approve(name, username)
            approved.append(name)
        live = release.current()
        if live is not None:
            make_lists(live.id)
        self.stdout.write(json.dumps({"approved": approved}))

    def _approve(self, name: str, username: str) -> None:
        viewer = viewer_for(User.objects.get(username=username))
        if viewer is None:
            raise CommandError(f"{username} has no role: run demo_accounts first")
        try:
            decisions.approve(name=name, note=NOTE, by=viewer)
        except decisions.RefusedApprovalError as already:
            self.stderr.write(f"{name}: {username}: {already}")
