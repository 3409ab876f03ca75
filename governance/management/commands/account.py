"""Keep one account: link it to single sign-on, or forget its lost second factors."""

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from governance import actions
from governance.models import User


class Command(BaseCommand):
    """`account USER --link ISSUER SUB` or `account USER --forget-second-factors`."""

    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("username")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--link", nargs=2, metavar=("ISSUER", "SUB"))
        what.add_argument("--forget-second-factors", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no account {options['username']!r}.")
        by = getpass.getuser()
        if options["link"]:
            issuer, subject = options["link"]
            try:
                actions.link_single_sign_on(
                    user=user, issuer=issuer, subject=subject, by=by
                )
            except IntegrityError as error:
                raise CommandError("Another account is linked to that.") from error
            self.stdout.write(f"{user.username} signs in as {subject} of {issuer}.")
        else:
            gone = actions.forget_second_factors(user=user, by=by)
            self.stdout.write(f"{gone} second factors are gone; new ones can be added.")
