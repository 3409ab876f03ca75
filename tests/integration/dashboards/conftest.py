"""Pages over an invented system: signed-in clients and a release in memory."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from linkage.release import selectors as release
from linkage.release.selectors import ReleaseView
from tests.page_builders import make_organisations, make_release, make_user


@pytest.fixture(scope="session")
def invented_release() -> ReleaseView:
    return make_release()


@pytest.fixture
def system(
    db: None,
    invented_release: ReleaseView,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> ReleaseView:
    """Organisations in the database, and the invented release as the current one."""
    # Half a second of key stretching per sign-in proves nothing here.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    make_organisations()
    monkeypatch.setattr(release, "current", lambda: invented_release)
    monkeypatch.setattr(release, "previous", lambda: None)
    monkeypatch.setattr(release, "earlier", list)
    return invented_release


@pytest.fixture
def signed_in(system: ReleaseView) -> Callable[[str, str], Client]:
    """`signed_in("place_lead", "P1")` is a client signed in under that grant."""

    def sign_in(role: str, org_code: str) -> Client:
        client = Client()
        client.force_login(make_user(role, org_code))
        return client

    return sign_in
