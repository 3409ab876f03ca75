"""A system that really stands, once for the tests of a module."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.test import override_settings

from tests.live_system import Live, raise_system

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
        yield raise_system(stack)
