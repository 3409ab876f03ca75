"""Every page and scope opened to everybody in turn: its guard must be what refuses."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from governance import decisions
from governance.decisions import Decision
from tests import live_system as system
from tests.guards.test_addresses import ALL
from tests.integration.proofs import cells
from tests.integration.proofs.cells import Cell
from tests.integration.proofs.crawl import ask, callers

Mutant = tuple[str, Callable[[], AbstractContextManager], Callable[[], list[str]]]


def mutants(live: Any) -> Iterator[Mutant]:
    """One mutant for each page and scope that some address needs."""
    seen = set()
    made: dict[tuple[str, str], Any] = {}
    for address in cells.asked():
        view = ALL[address].callback
        scope = getattr(view, "api_scope", None)
        needed = scope or view.page_name
        if needed == "any" or needed in seen:
            continue
        cell = refused_cell(address)
        if cell is None:
            continue
        seen.add(needed)
        who = (cell.role, cell.purpose)
        if who not in made:
            made[who] = callers(live, *who)
        kind = "scope" if scope else "page"
        yield (
            f"{kind}: everybody has {needed}",
            lambda kind=kind, needed=needed: opened(kind, needed),
            lambda cell=cell, who=who: unguarded(live, cell, made[who]),
        )


def refused_cell(address: str) -> Cell | None:
    """Somebody who must not open an address; who sees own patients first."""
    roles = sorted(
        system.ROLE_PLACES,
        key=lambda role: cells.definition()["roles"][role]["sees"] != "own_list",
    )
    for role in roles:
        for purpose in cells.definition()["roles"][role]["purposes"]:
            cell = Cell(role, purpose, "own", address)
            if not cells.is_allowed(cell):
                return cell
    return None


def opened(kind: str, needed: str) -> AbstractContextManager:
    """Everybody may open this page, or call with this scope, and nothing else new."""
    before = getattr(decisions, kind)

    def decide(access: Any, standing: Any, role: str, purpose: str, name: str) -> Any:
        if name == needed:
            return Decision(True, "a mutant")
        return before(access, standing, role, purpose, name)

    return mock.patch.object(decisions, kind, decide)


def unguarded(live: Any, cell: Cell, clients: Any) -> list[str]:
    """What is wrong where the guard does not refuse and write that down."""
    is_api = hasattr(ALL[cell.address].callback, "api_scope")
    event = "api_refused" if is_api else "page_refused"
    before = len(system.audit_rows(event))
    answer = ask(clients[is_api], cell, live.viewer(cell.role, cell.purpose), [])
    found = [] if answer.refused else [f"{cell}: {answer.status}"]
    if len(system.audit_rows(event)) == before:
        found.append(f"{cell}: no refusal by the guard is on record")
    return found
