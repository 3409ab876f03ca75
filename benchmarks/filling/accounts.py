"""Accounts that sign in to be timed."""

from datetime import timedelta

from django.utils import timezone

from governance import actions
from governance.models import Org


def account(username: str, role: str, org: str, password: str) -> None:
    """Create a trained user who has a role at an organisation from today."""
    today = timezone.localdate()
    user = actions.create_user(
        username=username,
        full_name=username,
        password=password,
        trained_until=today + timedelta(days=30),
        by="bench",
    )
    actions.grant_role(
        user=user,
        role=role,
        org=Org.objects.get(pk=org),
        start_on=today,
        end_on=None,
        by="bench",
    )
