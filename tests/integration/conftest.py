"""A system that really stands, once for the tests of a module."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.test import Client, override_settings

from governance import access
from linkage.assertions import RevealRequest
from tests import live_system as system
from tests.live_people import ANNA, PROGRAMME, Someone
from tests.live_system import Live

FAST_HASH = "django.contrib.auth.hashers.MD5PasswordHasher"


@pytest.fixture(scope="module")
def live(django_db_setup: None, django_db_blocker: Any) -> Iterator[Live]:
    """Two networks, two releases, lists, names in the vault, a user of every role.

    Nothing is rolled back between the tests of a module; a test that writes takes
    back what it wrote. Django's store connection is the web's.
    """
    with (
        django_db_blocker.unblock(),
        override_settings(PASSWORD_HASHERS=[FAST_HASH]),
        ExitStack() as stack,
    ):
        yield system.raise_system(stack)


@pytest.fixture(autouse=True)
def nobody_looks() -> None:
    """Begin as a process does: the last request of the test before is over."""
    access.nobody_looks()


@pytest.fixture
def as_made(live: Live) -> Iterator[None]:
    """Take back decisions and visits afterwards, and let the vault answer again."""
    yield
    live.vault.is_down = False
    live.forget_decisions()


@pytest.fixture
def mdt(live: Live) -> Client:
    """A client of our network's team member."""
    return live.client("pcn_mdt_member")


@pytest.fixture
def asked(live: Live) -> Callable[..., RevealRequest]:
    """`asked(…)` is a request that the vault grants; a test spoils one thing of it."""
    viewer = live.viewer("pcn_mdt_member")

    def make(*people: Someone, **other: Any) -> RevealRequest:
        given: dict[str, Any] = {
            "viewer_id": viewer.user_id,
            "role": viewer.role,
            "purpose": viewer.purpose,
            "org_code": viewer.org_code,
            "programme": PROGRAMME,
            "reason": "mdt_review",
            "person_nos": tuple(s.person_no for s in people or (ANNA,)),
        }
        return RevealRequest(**given | other)

    return make


def vault_rows() -> list[dict[str, Any]]:
    """What the vault has written down, in order."""
    with system.connect("vault") as connection:
        cursor = connection.execute(
            "SELECT viewer_id, role, purpose, org_code, programme, reason, outcome,"
            " revealed, refused FROM reveal_event ORDER BY id"
        )
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]


@pytest.fixture
def written(live: Live) -> Callable[[], list[dict[str, Any]]]:
    """`written()` is what the vault wrote down since the test began."""
    before = len(vault_rows())
    return lambda: vault_rows()[before:]
