"""The vault's own service beside the tests: its code, roles and key, no second process.

It answers in a thread of its own, because Django's connections belong to a thread:
there they are the loader's and the vault's, while the caller's is the web's.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest import mock

import httpx
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test import override_settings

from config.environment import database
from linkage import reveal
from linkage.assertions import RevealRequest, sign
from linkage.vault.service import views

KEY = "a key that only the web and the vault hold"
ROLES = {"default": "loader", "vault": "vault"}


class VaultApplication(WSGIHandler):
    """The vault's WSGI application: its addresses, and no middleware."""

    def __init__(self) -> None:
        with override_settings(MIDDLEWARE=[]):
            super().__init__()

    def get_response(self, request):
        request.urlconf = "config.vault_urls"
        return super().get_response(request)


class Vault:
    """A running vault. `is_down` makes it unreachable."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self.thread = thread
        self.is_down = False
        self.asked: list[httpx.Response] = []
        self.transport = httpx.WSGITransport(
            VaultApplication(), raise_app_exceptions=False
        )

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one HTTP request in the vault's thread."""
        if self.is_down:
            raise httpx.ConnectError("no vault is listening", request=request)
        return self.thread.submit(self._answer, request).result(timeout=30)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        response = self.transport.handle_request(request)
        response.read()
        self.asked.append(response)
        return response

    def client(self) -> httpx.Client:
        return httpx.Client(
            transport=httpx.MockTransport(self.answer), base_url="http://vault"
        )

    def state(self, request: RevealRequest, **given: float) -> httpx.Response:
        """Send a signed statement, as the web would; `now` dates it otherwise."""
        return self.send(sign(request, KEY, **given))

    def send(self, statement: bytes) -> httpx.Response:
        with self.client() as client:
            return client.post("/reveal", content=statement)

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator["Vault"]:
        with (
            ThreadPoolExecutor(1, initializer=_take_own_connections) as thread,
            override_settings(VAULT_ASSERTION_KEY=KEY),
            mock.patch.object(views, "_verifier", None),
        ):
            vault = cls(thread)
            with mock.patch.object(reveal, "_client", vault.client):
                yield vault
            thread.submit(connections.close_all).result()


def _take_own_connections() -> None:
    for alias, role in ROLES.items():
        given = database(os.environ[f"TEST_{role.upper()}_DATABASE_URL"])
        wrapper = type(connections[alias])
        merged = connections[alias].settings_dict | given
        connections[alias] = wrapper(merged, alias)
