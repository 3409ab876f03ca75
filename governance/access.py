"""Who is asking, and whether they may: one definition, asked everywhere.

A decision is role ∧ purpose ∧ page ∧ place ∧ current grant ∧ live legal basis ∧ live
agreement ∧ training, deny by default. The definition is `roles.yaml`, the reasoning
`decisions.py`; row-level security in Postgres is the second wall.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from functools import wraps
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from governance import audit, decisions
from governance.decisions import NOTHING_LIVE, Decision, Standing
from governance.definitions import load_file
from governance.models import Grant, Org, OrgLink, Scope, User
from governance.registers import selectors as registers
from governance.specs import AccessSpec, RoleSpec, Sees

ACCESS = load_file(Path(__file__).with_name("roles.yaml"), AccessSpec)


@dataclass(frozen=True)
class Viewer:
    """Who is asking: user, role, purpose and the organisation that bounds them.

    `practice_codes` are the practices at or under `org_code` today, `area_codes` the
    area of a council (its ONS code): a council has no practices, and bounds by
    residence. `standing` is what the registers say of the purpose today: nothing,
    unless they were asked.
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
    area_codes: frozenset[str] = field(default_factory=frozenset)
    standing: Standing = field(default=NOTHING_LIVE, repr=False)

    @property
    def spec(self) -> RoleSpec:
        return ACCESS.roles[self.role]

    @property
    def purpose_title(self) -> str:
        return ACCESS.purposes[self.purpose].title

    def decide(self, page: str) -> Decision:
        """Decide on a page for this viewer, with the reason."""
        return decisions.page(ACCESS, self.standing, self.role, self.purpose, page)

    def may_open(self, page: str) -> bool:
        return self.decide(page).allowed

    def may_call(self, scope: str) -> Decision:
        """Decide on a scope of the API for this viewer, with the reason."""
        return decisions.scope(ACCESS, self.standing, self.role, self.purpose, scope)

    @property
    def sees(self) -> Sees:
        """How identifiably people are seen: by role and purpose, whichever is less."""
        return decisions.sees(ACCESS, self.role, self.purpose)

    @property
    def sees_sensitive(self) -> bool:
        """Whether role and purpose may use what is sensitive (inclusion health).

        A role that is not defined (any more) may not.
        """
        spec = ACCESS.roles.get(self.role)
        return spec is not None and self.purpose in spec.sensitive

    def sees_rows(self) -> bool:
        """Whether this viewer ever sees rows of persons."""
        return self.sees == "own_list"


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


def extent(org: Org, on: date) -> dict[str, Any]:
    """Return what bounds a viewer at an organisation on a date, as Viewer holds it."""
    is_council = org.kind == Org.Kind.COUNCIL and org.ons_code
    return {
        "org_code": org.code,
        "org_name": org.name,
        "org_kind": org.kind,
        "practice_codes": practices_under(org.code, on),
        "area_codes": frozenset([org.ons_code] if is_council else ()),
    }


def live_grants(user: User, on: date) -> list[Grant]:
    """Return the user's grants in force on a date, oldest first."""
    return list(
        Grant.objects.filter(user=user, start_on__lte=on)
        .filter(Q(end_on__isnull=True) | Q(end_on__gt=on))
        .select_related("org")
        .order_by("pk")
    )


class RefusedOnRecordError(PermissionDenied):
    """A refusal that stands in the audit trail already."""


class NoViewerError(PermissionError):
    """Somebody is signed in and is nobody here today; says why."""


def admit(
    user: User,
    *,
    grant_id: int | None = None,
    purpose: str | None = None,
    on: date | None = None,
) -> Viewer:
    """Return the viewer that a user is under one of their grants on a day (today).

    Without a choice the oldest grant that holds and its role's first purpose are
    taken. NoViewerError where training has lapsed or none is on record, no grant of a
    defined role is in force, or the agreement that a role works under is not.
    """
    day = on or timezone.localdate()
    if user.trained_until is None:
        raise NoViewerError(
            "No training is on record for your account. Ask your information"
            " governance lead to enter it."
        )
    if user.trained_until < day:
        raise NoViewerError(
            f"Your training ended on {registers.written(user.trained_until)}. Renew it"
            " and ask your information governance lead to enter the new date."
        )
    grants = [g for g in live_grants(user, day) if g.role in ACCESS.granted]
    chosen = [g for g in grants if g.pk == grant_id] or grants
    why = "Your account has no role in force today. Ask your data manager."
    for grant in chosen:
        purposes = open_purposes(grant, day)
        if purposes:
            break
        why = (
            f"The role {ACCESS.roles[grant.role].title} works under an agreement"
            f" ({grant.agreement or 'none is named'}), which is not in force today."
        )
    else:
        raise NoViewerError(why)
    taken = purpose if purpose in purposes else purposes[0]
    return Viewer(
        user_id=user.pk,
        username=user.username,
        full_name=user.full_name,
        role=grant.role,
        purpose=taken,
        standing=registers.standing(ACCESS, taken, day),
        **extent(grant.org, day),
    )


def open_purposes(grant: Grant, on: date) -> tuple[str, ...]:
    """Return the purposes that a grant may be used for on a day, in the role's order.

    None where its role needs an agreement and the grant's does not stand for it.
    """
    role = ACCESS.roles[grant.role]
    if not role.needs_agreement:
        return role.purposes
    agreement = registers.book().agreement(grant.agreement, on)
    if agreement is None or grant.role not in agreement.roles:
        return ()
    return tuple(p for p in role.purposes if p in agreement.purposes)


def viewer_for(
    user: User, *, grant_id: int | None = None, purpose: str | None = None
) -> Viewer | None:
    """Return the viewer that a user is today, or None where they are none."""
    try:
        return admit(user, grant_id=grant_id, purpose=purpose)
    except NoViewerError:
        return None


_looking: ContextVar[Viewer | None] = ContextVar("looking", default=None)
_release: ContextVar[int | None] = ContextVar("release", default=None)


def looking() -> Viewer | None:
    """Return who is looking in this request; None outside one (workers, commands)."""
    return _looking.get()


def nobody_looks() -> None:
    """Begin a request: whoever looked in the one before is not looking any more."""
    _looking.set(None)
    _release.set(None)


def reads(release_id: int) -> None:
    """Note which release this request reads, for its row in the audit trail."""
    _release.set(release_id)


def set_scope(viewer: Viewer) -> None:
    """Tell Postgres whose rows may be seen; it holds for this transaction only.

    Releases read in this request are those of the viewer's purpose from now on.
    """
    _looking.set(viewer)
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
    streamed export, or for work on somebody's behalf. Whoever looked before looks
    again afterwards: a worker's thread lives on, and its next task is nobody's.
    """
    before = looking()
    try:
        with transaction.atomic():
            set_scope(viewer)
            yield
    finally:
        _looking.set(before)


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
            decision = viewer.decide(name)
            if not decision:
                audit.record("page_refused", viewer, subject=name, outcome="refused")
                raise RefusedOnRecordError(decision.why)
            set_scope(viewer)
            response = view(request, *args, **kwargs)
            if ACCESS.pages[name].leaves_a_row:
                _note_shown(name, request, response)
            return response

        guarded.page_name = name  # type: ignore[attr-defined]
        return guarded

    return guard


def _note_shown(name: str, request: HttpRequest, response: HttpResponse) -> None:
    """Write that a page was shown, unless the view wrote something closer itself."""
    if response.status_code != HTTPStatus.OK or audit.stands("allowed"):
        return
    match = request.resolver_match
    audit.record(
        "page_shown" if ACCESS.pages[name].audited else "figures_shown",
        request.viewer,  # type: ignore[attr-defined]
        subject=name,
        address=str(match.url_name) if match else "",
        release=_release.get(),
    )


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
