"""Give the demonstration's GP an authenticator app, so that signing in can be seen."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from governance import access, factors
from governance.models import User
from governance.second_factor import in_base32, new_secret

USERNAME = "gp"


class Command(BaseCommand):
    """Print {"user", "app_secret"} as JSON. Runs as the web, whose key seals it."""

    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--progress", choices=["json"], default=None)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=USERNAME, is_demo=True).first()
        viewer = access.viewer_for(user) if user else None
        if user is None or viewer is None or not settings.DEMO:
            raise CommandError(f"There is no demonstration's account {USERNAME!r}.")
        secret = new_secret()
        with factors.looking_after(user):
            for held in factors.of(user):
                factors.remove(user, held.pk, by=viewer)
            factors.add(
                user,
                kind=factors.Kind.APP,
                name="Demonstration",
                secret=secret,
                now=timezone.now(),
                by=viewer,
            )
        told = {"user": USERNAME, "app_secret": in_base32(secret)}
        self.stdout.write(json.dumps(told))
