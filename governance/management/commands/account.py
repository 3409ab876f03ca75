"""Keep one account: make it, give or end a role, renew its password, link, close."""

import getpass
import re
import secrets
from argparse import ArgumentTypeError
from datetime import date, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError
from django.utils import timezone

from governance import actions, passwords
from governance.access import ACCESS
from governance.models import Org, User
from governance.registers import selectors as registers

NAME = re.compile(r"[\w.@+-]{1,150}")


def day(given: str) -> date:
    """Read a day as 2026-12-31."""
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise ArgumentTypeError(f"{given!r} is no date like 2026-12-31") from error


def new_password() -> str:
    """Return a random password; it is shown once and kept as a hash alone."""
    return secrets.token_urlsafe(15)


def told(password: str, until: datetime) -> str:
    """Say a new password, this once, and until when it must have been changed."""
    last = timezone.localtime(until).strftime("%d %B %Y, %H:%M").lstrip("0")
    return f"Password: {password} (to be changed at the first sign-in, before {last})"


class Command(BaseCommand):
    """`account USER` and one thing to do; `account --help` lists them."""

    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("username")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "--create",
            action="store_true",
            help="make it, with --full-name and --trained-until; prints its password",
        )
        what.add_argument(
            "--grant",
            nargs=2,
            metavar=("ROLE", "ORG"),
            help="give a role at an organisation, to --until, under --agreement",
        )
        what.add_argument("--end-grant", nargs=2, metavar=("ROLE", "ORG"))
        what.add_argument(
            "--new-password",
            action="store_true",
            help="another random password, which ends every session",
        )
        what.add_argument(
            "--close",
            action="store_true",
            help="for good: ends its sessions, tokens and roles",
        )
        what.add_argument("--link", nargs=2, metavar=("ISSUER", "SUB"))
        what.add_argument("--forget-second-factors", action="store_true")
        parser.add_argument("--full-name", default="")
        parser.add_argument(
            "--trained-until",
            type=day,
            metavar="DATE",
            help="the last day on which the training counts",
        )
        parser.add_argument(
            "--no-password",
            action="store_true",
            help="with --create: opened by single sign-on alone",
        )
        parser.add_argument("--agreement", default="")
        parser.add_argument(
            "--until", type=day, metavar="DATE", help="the last day of a granted role"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        by = getpass.getuser()
        name = options["username"]
        user = User.objects.filter(username=name).first()
        if options["create"]:
            self.create(name, user, by, options)
            return
        if user is None:
            raise CommandError(f"There is no account {name!r}.")
        if not user.is_active:
            raise CommandError(f"The account {name!r} is closed.")
        if options["grant"]:
            self.grant(user, by, options)
        elif options["end_grant"]:
            role, org_code = options["end_grant"]
            held = user.grants.exclude(end_on__lte=timezone.localdate())
            if not held.filter(role=role, org_id=org_code).exists():
                raise CommandError(f"{name} does not hold {role} at {org_code}.")
            actions.end_grants(user=user, role=role, org_code=org_code, by=by)
            self.stdout.write(f"{name} is {role} at {org_code} no longer.")
        elif options["new_password"]:
            password, until = new_password(), passwords.given_until(timezone.now())
            actions.set_password(user=user, password=password, until=until, by=by)
            self.stdout.write(f"Every session has ended. {told(password, until)}")
        elif options["close"]:
            actions.close_account(user=user, by=by)
            self.stdout.write(f"{name} is closed; its sessions and tokens have ended.")
        elif options["link"]:
            self.link(user, by, *options["link"])
        else:
            gone = actions.forget_second_factors(user=user, by=by)
            self.stdout.write(f"{gone} second factors are gone; new ones can be added.")

    def create(
        self, name: str, user: User | None, by: str, options: dict[str, Any]
    ) -> None:
        until, full_name = options["trained_until"], options["full_name"].strip()
        if user is not None:
            closed = "" if user.is_active else ", which is closed"
            raise CommandError(f"There is an account {name!r} already{closed}.")
        if not NAME.fullmatch(name):
            raise CommandError("A name has letters, digits and . @ + - _ only.")
        if not full_name or until is None:
            raise CommandError("--create needs --full-name and --trained-until.")
        if until < timezone.localdate():
            raise CommandError("That training has ended already.")
        password = None if options["no_password"] else new_password()
        given = passwords.given_until(timezone.now()) if password else None
        actions.create_user(
            username=name,
            full_name=full_name,
            password=password,
            trained_until=until,
            until=given,
            by=by,
        )
        words = "Link it to single sign-on."
        if password and given:
            words = told(password, given)
        self.stdout.write(f"{name} is made and has no role yet. {words}")

    def grant(self, user: User, by: str, options: dict[str, Any]) -> None:
        role, org_code = options["grant"]
        agreement, until = options["agreement"], options["until"]
        today = timezone.localdate()
        org = Org.objects.filter(code=org_code).first()
        if org is None:
            raise CommandError(f"There is no organisation {org_code!r}.")
        if until is not None and until < today:
            raise CommandError("That role would have ended already.")
        spec = ACCESS.roles.get(role)
        if spec is not None and spec.needs_agreement and not agreement:
            raise CommandError(f"The role {role} needs --agreement.")
        if agreement and agreement not in registers.book().entries.get("agreement", {}):
            raise CommandError(f"There is no agreement {agreement!r} in the register.")
        try:
            actions.grant_role(
                user=user,
                role=role,
                org=org,
                start_on=today,
                end_on=until + timedelta(days=1) if until else None,
                agreement=agreement,
                by=by,
            )
        except actions.RefusedGrantError as error:
            raise CommandError(str(error)) from error
        last = f", last on {until}" if until else ""
        self.stdout.write(f"{user.username} is {role} at {org.name}{last}.")

    def link(self, user: User, by: str, issuer: str, subject: str) -> None:
        try:
            actions.link_single_sign_on(
                user=user, issuer=issuer, subject=subject, by=by
            )
        except IntegrityError as error:
            raise CommandError("Another account is linked to that.") from error
        self.stdout.write(f"{user.username} signs in as {subject} of {issuer}.")
