"""The questions that decide, each answered wrongly in turn; a plain reading notices.

`faults` compares the decisions with the access definition as read here from its YAML,
over every role, purpose, page, scope and state of the registers, also such as are not
defined. `admission_faults` knocks at the door as those who must not come in.
"""

import ast
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from itertools import product
from typing import Any

from django.test import Client, override_settings
from django.utils import timezone

from governance import actions, decisions
from governance.access import ACCESS
from governance.decisions import Standing
from governance.models import ApiToken, Grant, User
from tests import live_system as system
from tests.integration.proofs.altered import altered, places
from tests.integration.proofs.cells import definition

LIVE = frozenset({"registered_list"})
STANDINGS = {
    "live": Standing(live_feeds=LIVE),
    "nothing": Standing(),
    "stale figures": Standing(live_feeds=LIVE, stale={"figures": "old"}),
    "stale rows": Standing(live_feeds=LIVE, stale={"rows": "old"}),
}
OF_PEOPLE = ("figures", "rows", "names")


def holds(role: str, purpose: str) -> bool:
    told = definition()
    spec = told["roles"].get(role)
    return bool(spec) and purpose in spec["purposes"] and purpose in told["purposes"]


def has_basis(purpose: str, standing: Standing) -> bool:
    needs = definition()["purposes"][purpose].get("needs_basis", True)
    return not needs or bool(standing.live_feeds)


def opens(role: str, purpose: str, page: str, standing: Standing) -> bool:
    told = definition()
    if not holds(role, purpose) or page not in told["roles"][role]["pages"]:
        return False
    shows = told["pages"][page]["shows"]
    if shows not in told["purposes"][purpose]["shows"]:
        return False
    if shows not in OF_PEOPLE:
        return True
    kind = "rows" if shows == "names" else shows
    return has_basis(purpose, standing) and kind not in standing.stale


def calls(role: str, purpose: str, scope: str, standing: Standing) -> bool:
    if not holds(role, purpose):
        return False
    if scope not in definition()["roles"][role].get("api", ()):
        return False
    return has_basis(purpose, standing) and "figures" not in standing.stale


def sees(role: str, purpose: str) -> str:
    told = definition()
    spec = told["roles"].get(role, {})
    admitted = told["purposes"].get(purpose, {}).get("sees", ())
    return spec["sees"] if spec.get("sees") in admitted else "aggregates"


def faults() -> list[str]:
    """Where a decision is another than the definition says; at most a few."""
    told = definition()
    roles = [*(r for r in told["roles"] if r != "public"), "nobody"]
    purposes = [*told["purposes"], "curiosity"]
    pages = [*told["pages"], "nowhere"]
    scopes = ["organisations:read", "indicators:read", "people:read"]
    lanes = ["gp", "mental_health", "nowhere"]
    found = []
    for role, purpose in product(roles, purposes):
        asked: list[tuple[str, bool, Callable[[], bool]]] = []
        for name, standing in STANDINGS.items():
            given = (ACCESS, standing, role, purpose)
            for page in pages:
                asked.append(
                    (
                        f"page {page}, {name}",
                        opens(role, purpose, page, standing),
                        lambda g=given, p=page: bool(decisions.page(*g, p)),
                    )
                )
            for scope in scopes:
                asked.append(
                    (
                        f"scope {scope}, {name}",
                        calls(role, purpose, scope, standing),
                        lambda g=given, s=scope: bool(decisions.scope(*g, s)),
                    )
                )
            for lane, feeds in product(lanes, (frozenset(), LIVE)):
                held = told["roles"].get(role, {}).get("timeline", ())
                may = holds(role, purpose) and lane in held
                asked.append(
                    (
                        f"lane {lane}, {name}",
                        may and (not feeds or bool(feeds & standing.live_feeds)),
                        lambda g=given, n=lane, f=feeds: bool(decisions.lane(*g, n, f)),
                    )
                )
        asked.append(
            (
                "sees",
                True,
                lambda r=role, p=purpose: decisions.sees(ACCESS, r, p) == sees(r, p),
            )
        )
        for what, expected, decide in asked:
            try:
                is_right = decide() == expected
            except (KeyError, AttributeError):
                is_right = False
            if not is_right:
                found.append(f"{role}, {purpose}: {what}")
            if len(found) > 3:
                return found
    return found


def admission_faults(live: Any) -> list[str]:
    """Knock as those who must not come in; what is wrong is who came in."""
    found = []
    stranger = Client(raise_request_exception=False)
    if stranger.get("/overview/").status_code != 302:
        found.append("a stranger opens a page")
    if stranger.get("/api/v1/feeds/").status_code != 401:
        found.append("a stranger calls the API")
    member = live.client("pcn_mdt_member")
    member.raise_request_exception = False
    if member.get("/overview/?place=%00").status_code != 400:
        found.append("a NUL is let through")
    if member.get("/about/").status_code != 200:
        found.append("who may open a page is refused")
    with override_settings(ROOT_URLCONF=f"{__package__}.undeclared"):
        if member.get("/undeclared/").status_code != 403:
            found.append("an address that nobody declared is opened")
    user = live.users["partner_client"]
    secret = token(user)
    for what, model, change, answer in (
        ("lapsed training", User, {"trained_until": yesterday()}, 403),
        ("no training on record", User, {"trained_until": None}, 403),
        ("a grant that ended", Grant, {"end_on": timezone.localdate()}, 403),
        ("a role that is not defined", Grant, {"role": "nobody"}, 403),
        ("no agreement", Grant, {"agreement": "none"}, 403),
        ("another's agreement", Grant, {"role": "researcher"}, 403),
        ("a closed account", User, {"is_active": False}, 302),
    ):
        with changed(user, model, change):
            browser = system.signed_in(user)
            browser.raise_request_exception = False
            if browser.get("/api-guide/").status_code != answer:
                found.append(f"{what} opens a page")
            if called(secret) != 401:
                found.append(f"{what} calls the API")
    if called(secret) != 200:
        found.append("who may call is refused")
    with changed(user, ApiToken, {"expires_on": yesterday()}):
        if called(secret) != 401:
            found.append("a token of yesterday calls the API")
    if called("no such token") != 401:
        found.append("a made-up token calls the API")
    return found


def yesterday() -> Any:
    return timezone.localdate() - timedelta(days=1)


def called(secret: str) -> int:
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    client.raise_request_exception = False
    return client.get("/api/v1/").status_code


def token(user: User) -> str:
    with system.acting_as("worker"):
        return actions.issue_token(
            user=user, purpose="planning", today=timezone.localdate(), days=1, by="test"
        ).secret


class changed:
    """A block in which a row about a user is another."""

    def __init__(self, user: User, model: Any, change: dict[str, Any]) -> None:
        self.rows = {"pk": user.pk} if model is User else {"user_id": user.pk}
        self.model, self.change = model, change

    def __enter__(self) -> None:
        with system.acting_as("worker"):
            rows = self.model.objects.filter(**self.rows)
            self.before = list(rows.values("pk", *self.change))
            rows.update(**self.change)

    def __exit__(self, *_: object) -> None:
        with system.acting_as("worker"):
            for row in self.before:
                pk = row.pop("pk")
                self.model.objects.filter(pk=pk).update(**row)


def refuses(node: ast.AST) -> bool:
    """A question whose yes ends the function: raised, or answered at once."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.body[-1], ast.Raise | ast.Return)
        and not node.orelse
    )


def never(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.If)
    node.test = ast.Constant(False)
    return node


# Asked only for the words of the refusal, or of what the next question refuses too.
SAME_EITHER_WAY = (
    "not secret",
    "getattr(view, 'is_public', False)",
    "getattr(view, 'authenticates_itself', False)",
)
DOORS = {
    "governance.access": ("admit", "open_purposes"),
    "governance.middleware": ("ViewerMiddleware.process_view",),
    "dashboards.api.auth": ("TokenAuthentication.authenticate",),
}


def mutants(
    live: Any,
) -> Iterator[
    tuple[str, Callable[[], AbstractContextManager], Callable[[], list[str]]]
]:
    """Every question of the decisions and of the doors, never asked."""
    for module, function, n, source in places(["governance.decisions"], refuses):
        if function in {"latency"}:
            continue
        yield named(function, n, source), breaker(module, function, n), faults
    for module, functions in DOORS.items():
        for _, function, n, source in places([module], refuses):
            if function not in functions:
                continue
            if any(words in source.splitlines()[0] for words in SAME_EITHER_WAY):
                continue
            yield (
                named(function, n, source),
                breaker(module, function, n),
                lambda: admission_faults(live),
            )


def named(function: str, n: int, source: str) -> str:
    return f"decision: {function} {n}, never {source.splitlines()[0]}"


def breaker(module: str, function: str, n: int) -> Callable:
    return lambda: altered(module, function, n, refuses, never)
