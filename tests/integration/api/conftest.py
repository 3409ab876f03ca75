"""A token of every role, and the partner's way to ask."""

import pytest
from django.utils import timezone

from governance import actions
from tests import live_system as system
from tests.live_api import call, share_cohort


@pytest.fixture(scope="module")
def tokens(live) -> dict[str, str]:
    """A token of every role's user."""
    today = timezone.localdate()
    share_cohort(live.viewer("system_analyst"))
    with system.acting_as("worker"):
        return {
            role: actions.issue_token(
                user=live.users[role],
                purpose="planning",
                today=today,
                days=7,
                by="test",
            ).secret
            for role in system.ROLE_PLACES
        }


@pytest.fixture
def get(tokens):
    """`get(address, …)` as the partner, which must be answered."""

    def ask(address: str, **query):
        response = call(tokens["partner_client"], address, query)
        assert response.status_code == 200, response.content
        return response.json()

    return ask
