"""Two systems, one person of the other network apart: our pages are the same."""

from collections.abc import Iterator
from contextlib import ExitStack
from unittest import mock

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from dashboards.selectors import worklist as selectors
from tests import live_system as system
from tests.live_people import ANNA, CORA, ODA, PROGRAMME, THEIRS

FILES = [
    {"practice": practice, "reason": reason}
    for practice in ("Z81001", "Z81002", "Z81005")
    for reason in ("", "export_to_gp_system")
]


@pytest.fixture
def still() -> Iterator[None]:
    """Hold the clock, so that two systems tell the same time."""
    now = timezone.now().replace(microsecond=0)
    fast = "django.contrib.auth.hashers.MD5PasswordHasher"
    with (
        mock.patch("django.utils.timezone.now", return_value=now),
        override_settings(PASSWORD_HASHERS=[fast]),
    ):
        yield


def list_pages(live) -> dict[str, str]:
    """Every list page, file and person of the first network, as its member."""
    client = live.client("pcn_mdt_member")
    viewer = live.viewer("pcn_mdt_member")
    asked = {
        name: lambda name=name: client.get(reverse(name, args=[PROGRAMME]))
        for name in ("worklist", "list-missing", "list-export")
    }
    asked["worklists"] = lambda: client.get(reverse("worklists"))
    for form in FILES:
        asked[f"file {form}"] = lambda form=form: client.post(
            reverse("list-export", args=[PROGRAMME]), form
        )
    for someone in (ANNA, CORA):
        sealed = selectors.reference(viewer, someone.person_no)
        asked[someone.surname] = lambda sealed=sealed: client.get(
            reverse("person", args=[sealed])
        )
    asked["names"] = lambda: client.post(
        reverse("reveal", args=[PROGRAMME]), {"reason": "mdt_review"}, follow=True
    )
    return {
        name: system.in_clear(ask().content.decode()) for name, ask in asked.items()
    }


def test_another_networks_person_makes_no_difference_to_our_pages(
    django_db_setup, django_db_blocker, still
):
    twins = []
    with django_db_blocker.unblock(), system.emptied():
        pass  # what tests before have counted up, both begin at one
    for without in ((), (ODA,)):
        with django_db_blocker.unblock(), ExitStack() as stack:
            live = system.raise_system(stack, without=without)
            twins.append(list_pages(live))
            theirs = live.client("their_mdt").get(reverse("worklist", args=[PROGRAMME]))
            cards = theirs.content.decode().count('<li class="app-card"')
            assert cards == len(THEIRS) - len(without)
    first, second = twins
    assert len(first) == 13
    for name, page in first.items():
        assert second[name] == page, name
