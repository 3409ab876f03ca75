"""Role × purpose × place × address: which cells there are, and what is expected there.

Addresses come from the URLconf and roles from the access definition, so that a new
one of either is asked without a change here. What is expected is read from the YAML
itself, not by the functions that decide.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.urls import reverse

from dashboards.selectors import worklist
from governance import access
from tests import live_system as system
from tests.guards.test_addresses import ALL
from tests.live_people import ANNA, ODA, PROGRAMME

DEFINITION = Path(access.__file__).with_name("roles.yaml")
# A place of the same level that each place is not; the whole system has no other.
ELSEWHERE = {"P1": "P2", "U1": "U3", "N1": "P2", "Z81001": "Z81005"}
ELSEWHERE |= {"990": "E07000002", "RXX01": "P2"}
# Asking for somebody outside the usual relationship is what this is for; it names
# nobody, and somebody else decides.
FOR_OTHERS = frozenset({"special-access-ask"})
# Figures of one place, which is asked for in the query.
PLACED = ("overview", "overview-map", "board", "indicator", "risk", "segments")
# What addresses of one definition are called with; others are asked for something
# that is not there, which is as good a question to a guard.
NAMED = {
    "indicator": "emergency_admissions",
    "api-indicator": "frailty",
    "feature": "condition_count",
    "codelist": "asthma",
    "scheme": "bridges_to_health",
    "feed": "registered_list",
}


@dataclass(frozen=True)
class Cell:
    """One question: who, for what, about which place, at which address."""

    role: str
    purpose: str
    place: str
    address: str

    def __str__(self) -> str:
        return f"{self.role} · {self.purpose} · {self.place} · {self.address}"


@cache
def definition() -> dict[str, Any]:
    return yaml.safe_load(DEFINITION.read_text())


def asked() -> list[str]:
    """Every address that is not public, by name."""
    return sorted(
        name for name in ALL if not getattr(ALL[name].callback, "is_public", False)
    )


def undeclared() -> list[str]:
    """Addresses that name neither a page nor a scope of the definition."""
    told = definition()
    pages = set(told["pages"]) | {"any"}
    scopes = {scope for role in told["roles"].values() for scope in role.get("api", ())}
    public = set(told["roles"]["public"]["pages"])
    found = []
    for name, pattern in ALL.items():
        view = pattern.callback
        if name in public or getattr(view, "authenticates_itself", False):
            continue
        needed = getattr(view, "api_scope", None) or getattr(view, "page_name", None)
        if needed not in pages | scopes:
            found.append(str(name))
    return found


def cells() -> Iterator[Cell]:
    """Every cell that can be told apart from the others.

    With CATCHMENT_PROOFS=full all of them. Else each role is asked for one purpose at
    one address of each page that it must not open, and at every fourth of those that
    it may; roles and purposes take turns.
    """
    is_full = os.environ.get("CATCHMENT_PROOFS") == "full"
    for turn, (role, org_code) in enumerate(system.ROLE_PLACES.items()):
        purposes = definition()["roles"][role]["purposes"]
        closed: set[str] = set()
        for number, address in enumerate(asked()):
            for each, purpose in enumerate(purposes):
                cell = Cell(role, purpose, "own", address)
                if not is_full:
                    if number % len(purposes) != each:
                        continue
                    if not is_allowed(cell):
                        needed = needed_at(address)
                        if needed in closed:
                            continue
                        closed.add(needed)
                    elif (number + turn) % 4:
                        continue
                yield cell
                if has_place(address) and org_code in ELSEWHERE:
                    yield Cell(role, purpose, "other", address)


def needed_at(address: str) -> str:
    """The page or scope that an address needs."""
    view = ALL[address].callback
    return str(getattr(view, "api_scope", None) or view.page_name)


def shows_data(address: str) -> bool:
    """Whether people or figures stand there: an answer must leave a row."""
    view = ALL[address].callback
    if hasattr(view, "api_scope"):
        return True
    page = definition()["pages"].get(view.page_name, {"shows": "nothing"})
    return page["shows"] in ("figures", "rows", "names") or "audited" in page


def has_place(address: str) -> bool:
    return address in PLACED or "reference" in ALL[address].pattern.converters


def is_allowed(cell: Cell) -> bool:
    """What the definition says, read plainly: role, then purpose; elsewhere nothing."""
    told = definition()
    role = told["roles"][cell.role]
    view = ALL[cell.address].callback
    if cell.place == "other" and cell.address not in FOR_OTHERS:
        return False
    if scope := getattr(view, "api_scope", None):
        return scope in role.get("api", ())
    if view.page_name == "any":
        return True
    shows = told["pages"][view.page_name]["shows"]
    admits = told["purposes"][cell.purpose]["shows"]
    return view.page_name in role["pages"] and shows in admits


def path_of(cell: Cell, viewer: access.Viewer) -> str:
    """The address that a cell calls: its own person or place, or the other's."""
    someone = ANNA if cell.place == "own" else ODA
    given: dict[str, Any] = {}
    for name, converter in ALL[cell.address].pattern.converters.items():
        if name == "reference":
            # Sealed for the caller: only the wall behind the seal is left.
            given[name] = worklist.reference(viewer, someone.person_no)
        elif name == "programme":
            given[name] = PROGRAMME
        elif type(converter).__name__ == "IntConverter":
            given[name] = 1
        else:
            given[name] = NAMED.get(cell.address, "x")
    path = reverse(cell.address, kwargs=given)
    if cell.place == "other" and cell.address in PLACED:
        path += f"?place={ELSEWHERE[viewer.org_code]}"
    return path
