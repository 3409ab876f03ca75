"""Make the demonstration's accounts, one per role, with random passwords."""

import json
import secrets
from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from governance import actions
from governance.access import ACCESS, practices_under
from governance.models import Org

BY = "demonstration set-up"
# (role, username, the kind of organisation, the page to look at first)
ACCOUNTS = (
    ("system_analyst", "analyst", "/overview/"),
    ("icb_board_member", "board", "/board/"),
    ("place_lead", "place", "/overview/"),
    ("pcn_mdt_member", "mdt", "/lists/"),
    ("pcn_clinician", "gp", "/lists/"),
    ("pcn_social_prescriber", "prescriber", "/lists/"),
    ("data_manager", "feeds", "/feeds/"),
    ("linkage_reviewer", "reviewer", "/linkage/review/"),
    ("ig_lead", "ig", "/access/"),
    ("partner_client", "partner", "/api-guide/"),
    ("caldicott_guardian", "caldicott", "/registers/"),
    ("practice_manager", "manager", "/rights/own/"),
    ("la_public_health", "council", "/overview/"),
    ("provider_analyst", "trust", "/overview/"),
    ("researcher", "researcher", "/research/"),
    ("voluntary_sector_partner", "voluntary", "/overview/"),
)


class Command(BaseCommand):
    """Print {"accounts": [{role, user, password, page, place, token?}]} as JSON."""

    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--progress", choices=["json"], default=None)

    def handle(self, *args: Any, **options: Any) -> None:
        today = timezone.localdate()
        made = []
        for role, username, page in ACCOUNTS:
            org = largest(ACCESS.roles[role].level, today)
            password = secrets.token_urlsafe(12)
            user = actions.create_user(
                username=username,
                full_name=f"Demo {ACCESS.roles[role].title}",
                password=password,
                trained_until=today + timedelta(days=365),
                is_demo=True,
                by=BY,
            )
            actions.grant_role(
                user=user, role=role, org=org, start_on=today, end_on=None, by=BY
            )
            row = {
                "role": ACCESS.roles[role].title,
                "user": username,
                "password": password,
                "page": page,
                "place": org.name,
            }
            if ACCESS.roles[role].api:
                token = actions.issue_token(
                    user=user, purpose="planning", today=today, days=30, by=BY
                )
                row["token"] = token.secret
            made.append(row)
        self.stdout.write(json.dumps({"accounts": made}))


def largest(kind: str, today: date) -> Org:
    """Return the organisation of a kind with the most practices under it."""
    found = sorted(
        Org.objects.filter(kind=kind, closed_on__isnull=True),
        key=lambda org: (-len(practices_under(org.code, today)), org.code),
    )
    if not found:
        raise CommandError(
            f"There is no {kind} yet. Load reference data: ./run load reference DIR"
        )
    return found[0]
