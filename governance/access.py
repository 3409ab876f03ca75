"""Who is asking, and whether they may: one definition, asked everywhere.

A decision is role ∧ purpose ∧ page ∧ place ∧ current grant, deny by default. The
definition is `roles.yaml`; row-level security in Postgres is the second wall.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from governance import audit
from governance.definitions import load_file
from governance.models import Grant, Org, OrgLink, Scope, User
from governance.specs import AccessSpec, RoleSpec

ACCESS = load_file(Path(__file__).with_name("roles.yaml"), AccessSpec)


@dataclass(frozen=True)
class Viewer:
    """Who is asking: user, role, purpose and the organisation that bounds them.

    `practice_codes` are the practices at or under `org_code` today.
    """

    user_id: int
    username: str
    full_name: str
    role: str
    purpose: str
    org_code: str
    org_name: str
    org_kind: str
    practice_codes: frozenset[str] = field(default_factory=frozenset)

    @property
    def spec(self) -> RoleSpec:
        return ACCESS.roles[self.role]

    @property
    def purpose_title(self) -> str:
        return ACCESS.purposes[self.purpose].title

    def may_open(self, page: str) -> bool:
        return page in self.spec.pages

    @property
    def sees_sensitive(self) -> bool:
        """Whether role and purpose may use what is sensitive (inclusion health).

        A role that is not defined (any more) may not.
        """
        spec = ACCESS.roles.get(self.role)
        return spec is not None and self.purpose in spec.sensitive

    def sees_rows(self) -> bool:
        """Whether this viewer ever sees rows of persons."""
        return self.spec.sees == "own_list"


def practices_under(org_code: str, on: date) -> frozenset[str]:
    """Return the codes of the practices at or under an organisation on a date."""
    links: dict[str, list[str]] = {}
    current = Q(start_on__isnull=True) | Q(start_on__lte=on)
    current &= Q(end_on__isnull=True) | Q(end_on__gt=on)
    rows = OrgLink.objects.filter(current, kind=OrgLink.Kind.MEMBER)
    for child, parent in rows.values_list("child_id", "parent_id"):
        links.setdefault(parent, []).append(child)
    found, queue = set(), [org_code]
    while queue:
        code = queue.pop()
        if code in found:
            continue
        found.add(code)
        queue.extend(links.get(code, []))
    return frozenset(
        Org.objects.filter(code__in=found, kind=Org.Kind.PRACTICE).values_list(
            "code", flat=True
        )
    )


def live_grants(user: User, on: date) -> list[Grant]:
    """Return the user's grants in force on a date, oldest first."""
    return list(
        Grant.objects.filter(user=user, start_on__lte=on)
        .filter(Q(end_on__isnull=True) | Q(end_on__gt=on))
        .select_related("org")
        .order_by("pk")
    )


def viewer_for(
    user: User, *, grant_id: int | None = None, purpose: str | None = None
) -> Viewer | None:
    """Return the viewer that a user is under one of their grants, or None.

    Without a choice the oldest grant and its role's first purpose are taken. A
    grant that has ended, a role that is no longer defined, or training that has
    lapsed gives no viewer at all.
    """
    today = timezone.localdate()
    if user.trained_until is not None and user.trained_until < today:
        return None
    grants = [g for g in live_grants(user, today) if g.role in ACCESS.roles]
    chosen = next((g for g in grants if g.pk == grant_id), None)
    grant = chosen or (grants[0] if grants else None)
    if grant is None:
        return None
    purposes = ACCESS.roles[grant.role].purposes
    return Viewer(
        user_id=user.pk,
        username=user.username,
        full_name=user.full_name,
        role=grant.role,
        purpose=purpose if purpose in purposes else purposes[0],
        org_code=grant.org_id,
        org_name=grant.org.name,
        org_kind=grant.org.kind,
        practice_codes=practices_under(grant.org_id, today),
    )


def set_scope(viewer: Viewer) -> None:
    """Tell Postgres whose rows may be seen; it holds for this transaction only."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.viewer_id', %s, true),"
            " set_config('app.purpose', %s, true)",
            [str(viewer.user_id), viewer.purpose],
        )


@contextmanager
def scoped(viewer: Viewer) -> Iterator[None]:
    """A transaction in which Postgres shows this viewer's rows.

    For work that runs after the request's own transaction has ended, such as a
    streamed export.
    """
    with transaction.atomic():
        set_scope(viewer)
        yield


View = Callable[..., HttpResponse]


def page(name: str) -> Callable[[View], View]:
    """Guard a view: the viewer's role must name this page, or it is 403.

    The name stands on the view as `page_name`; a test walks the URLs and fails the
    build for any view without one.
    """

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            viewer: Viewer = request.viewer  # set by ViewerMiddleware
            if not viewer.may_open(name):
                audit.record("page_refused", viewer, subject=name, outcome="refused")
                raise PermissionDenied(
                    f"The role {viewer.spec.title} does not open the page {name}."
                )
            set_scope(viewer)
            return view(request, *args, **kwargs)

        guarded.page_name = name  # type: ignore[attr-defined]
        return guarded

    return guard


def public(view: View) -> View:
    """Mark a view that a stranger may open (sign-in, health)."""
    view.page_name = None  # type: ignore[attr-defined]
    view.is_public = True  # type: ignore[attr-defined]
    return view


def refresh_scope(user: User, on: date) -> int:
    """Work out anew which practices' rows a user may see; returns how many.

    Called by actions that change grants or organisations, as the worker role.
    """
    practices: set[str] = set()
    for grant in live_grants(user, on):
        role = ACCESS.roles.get(grant.role)
        if role and role.sees == "own_list":
            practices |= practices_under(grant.org_id, on)
    Scope.objects.filter(user=user).delete()
    Scope.objects.bulk_create(
        [Scope(user=user, practice_code=code) for code in sorted(practices)]
    )
    return len(practices)
