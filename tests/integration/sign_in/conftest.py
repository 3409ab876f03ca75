"""People who sign in for real, and the clock they do it by."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.test import Client
from django.utils import timezone

from governance import factors
from governance.access import viewer_for
from governance.models import SecondFactor, SignInTries, User
from governance.second_factor import code_at, new_secret
from tests import live_system as system
from tests.page_builders import PASSWORD


class Clock:
    """The product's clock, which a test can move on."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def tells(self) -> datetime:
        return self.now

    def moves(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock() -> Iterator[Clock]:
    made = Clock()
    with mock.patch("django.utils.timezone.now", made.tells):
        yield made


class App:
    """An authenticator app that knows one secret."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self.secret, self.clock = secret, clock

    @property
    def code(self) -> str:
        return code_at(self.secret, int(self.clock.now.timestamp()) // 30)


@pytest.fixture
def gp(live: Any) -> Iterator[User]:
    """A team member of their own, for signing in and out."""
    user = system.make_user("pcn_mdt_member", system.OUR_NETWORK, "gp")
    yield user
    with system.acting_as("worker"):
        SecondFactor.objects.filter(user=user).delete()
        SignInTries.objects.all().delete()
        user.delete()


@pytest.fixture
def app(gp: User, clock: Clock) -> App:
    """The GP's app, added a while ago."""
    secret = new_secret()
    viewer = viewer_for(gp)
    assert viewer is not None
    with factors.looking_after(gp):
        factors.add(
            gp, kind="app", name="Phone", secret=secret, now=clock.now, by=viewer
        )
    return App(secret, clock)


def give_password(
    client: Client, password: str = PASSWORD, user: str = "gp", **more: str
) -> Any:
    given = {"username": user, "password": password}
    return client.post("/sign-in/", given | more)


def is_in(client: Client) -> bool:
    """Whether the home page opens, and not the sign-in page."""
    return client.get("/").status_code == 200
