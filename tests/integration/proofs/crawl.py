"""Ask every cell once, and keep what the proofs need to know of each answer."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from django.db import connection
from django.test import Client
from django.utils import timezone

from governance import actions, audit
from tests import live_system as system
from tests.guards.test_addresses import ALL
from tests.integration.proofs.cells import Cell, cells, path_of
from tests.live_people import EVERYBODY

# What a page may write as it is read: that it was, and where a meeting stands.
KEPT_WHILE_READING = ("django_session", "list_visit")
GUARDS = {"page_refused", "api_refused", "not_admitted"}
CHANGES = re.compile(r"^\s*(INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.I)


@dataclass
class Answer:
    """What came back for one cell."""

    cell: Cell
    status: int
    to: str
    found: list[str] = field(default_factory=list)
    wrote: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    @property
    def by_guard(self) -> bool:
        """Whether the guard refused: not a rule behind it about this very thing."""
        return self.status != 403 or bool(GUARDS & set(self.events))

    @property
    def refused(self) -> bool:
        return self.status in {401, 403} or self.to.startswith("/sign-in/")


class Watch:
    """Notes which tables statements change on the store's connection."""

    def __init__(self) -> None:
        self.tables: list[str] = []

    def __call__(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        if found := CHANGES.match(str(sql)):
            self.tables.append(found[2])
        return execute(sql, params, many, context)


def who_is_named() -> list[str]:
    """Words of anybody that stand on no page before they are asked for."""
    return [
        word
        for someone in EVERYBODY
        if someone.surname != "NOBODY"
        for word in (someone.surname, someone.nhs_number)
    ] + [str(someone.person_no) for someone in EVERYBODY]


def callers(live: Any, role: str, purpose: str) -> tuple[Client, Client]:
    """The browser and the API's client of a role for a purpose."""
    user = live.users[role]
    browser = system.signed_in(user, purpose)
    with system.acting_as("worker"):
        secret = actions.issue_token(
            user=user, purpose=purpose, today=timezone.localdate(), days=1, by="test"
        ).secret
    partner = Client(headers={"Authorization": f"Bearer {secret}"})
    for client in (browser, partner):
        client.raise_request_exception = False
    return browser, partner


def crawl(live: Any, secrets: Callable[[Cell], list[str]]) -> Iterator[Answer]:
    """Call every cell. `secrets` are the words that must not be in its answer."""
    before: tuple[str, str] | None = None
    for cell in cells():
        if (cell.role, cell.purpose) != before:
            before = (cell.role, cell.purpose)
            browser, partner = callers(live, *before)
            viewer = live.viewer(*before)
        is_api = hasattr(ALL[cell.address].callback, "api_scope")
        yield ask(partner if is_api else browser, cell, viewer, secrets(cell))


def ask(client: Client, cell: Cell, viewer: Any, secrets: list[str]) -> Answer:
    """One question: GET, or an empty form where the address takes forms only."""
    path = path_of(cell, viewer)
    watch = Watch()
    noted = mock.patch.object(audit, "record", wraps=audit.record)
    with noted as recorded, connection.execute_wrapper(watch):
        response = client.get(path)
    wrote = [t for t in watch.tables if t not in KEPT_WHILE_READING]
    if response.status_code == 405:
        # Not read with GET: an empty form or piece, by the method that it takes.
        taken = {m.strip() for m in response.headers.get("Allow", "POST").split(",")}
        method = next(m for m in ("POST", "PUT", "PATCH", "DELETE") if m in taken)
        with noted as recorded:
            response = client.generic(method, path)
    body = b"".join(response) if response.streaming else response.content
    said = f"{response.headers}\n{body.decode(errors='replace')}"
    return Answer(
        cell,
        response.status_code,
        response.headers.get("Location", ""),
        [word for word in secrets if word in said],
        wrote,
        [call.args[0] for call in recorded.call_args_list],
    )
