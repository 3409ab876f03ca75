"""Who has shown what, in this session: a password, a second factor, and when.

A session ends after 15 minutes without a request and 10 hours after signing in. What
names people asks for a second factor shown in the last 15 minutes (step-up); single
sign-on counts where the provider says that it asked for one.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, login, logout
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from governance import factors, passwords
from governance.models import User

ABSOLUTE = timedelta(hours=10)
FRESH = timedelta(minutes=15)
WAITS = timedelta(minutes=10)
BACKEND = "django.contrib.auth.backends.ModelBackend"
SIGNED_IN, CONFIRMED, PENDING = "signed_in_at", "confirmed_at", "pending"
SEEN, KEPT_ALIVE = "seen_at", timedelta(minutes=1)
MUST_ENROL = "must_enrol"
# What somebody who must add a second factor first may open meanwhile.
BEFORE_ENROLLING = frozenset(
    {"security", "change-security", "add-app", "add-passkey", "sign-out"}
)
# And who must first choose a password of their own; that comes before the rest.
BEFORE_CHANGING = frozenset({"change-password", "confirm", "sign-out"})

View = Callable[..., HttpResponse]


def is_required() -> bool:
    """Whether everybody needs a second factor, or only who has added one."""
    return bool(settings.SECOND_FACTOR == "required")


def wait_for_factor(request: HttpRequest, user: User, now: datetime) -> None:
    """Remember a right password until the second factor is shown."""
    request.session.flush()
    request.session[PENDING] = {"user": user.pk, "since": now.isoformat()}


def waiting(request: HttpRequest, now: datetime) -> User | None:
    """Return who gave a right password lately and still owes a second factor."""
    found = request.session.get(PENDING)
    if not found or datetime.fromisoformat(found["since"]) < now - WAITS:
        return None
    return User.objects.filter(pk=found["user"], is_active=True).first()


def begin(
    request: HttpRequest, user: User, now: datetime, *, confirmed: datetime | None
) -> None:
    """Sign somebody in. `confirmed`: when they showed a second factor, if they did."""
    request.session.flush()
    login(request, user, backend=BACKEND)
    request.session[SIGNED_IN] = now.isoformat()
    if confirmed is not None:
        request.session[CONFIRMED] = confirmed.isoformat()
    elif is_required():
        request.session[MUST_ENROL] = True


def confirm(request: HttpRequest, now: datetime) -> None:
    """Remember that a second factor was shown now, under another session key."""
    request.session.cycle_key()
    request.session[CONFIRMED] = now.isoformat()
    request.session.pop(MUST_ENROL, None)


def end_others(request: HttpRequest) -> None:
    """End every other session of whoever asks: how they sign in has changed.

    One that somebody else began with what was stolen would outlive the change.
    """
    mine = str(request.user.pk)
    others = Session.objects.filter(expire_date__gt=timezone.now())
    for each in others.exclude(pk=request.session.session_key):
        if each.get_decoded().get(SESSION_KEY) == mine:
            each.delete()


def is_fresh(request: HttpRequest, now: datetime) -> bool:
    """Whether a second factor was shown in the last 15 minutes."""
    found = request.session.get(CONFIRMED)
    return bool(found) and datetime.fromisoformat(found) > now - FRESH


def is_new(request: HttpRequest, now: datetime) -> bool:
    """Whether somebody signed in within the last 15 minutes."""
    found = request.session.get(SIGNED_IN)
    return bool(found) and datetime.fromisoformat(found) > now - FRESH


def confirmed(view: View) -> View:
    """Guard a view that names people: a second factor, shown lately.

    Stands inside `access.page`. A form that was sent is not sent again by itself: the
    page that it stood on comes back, with a word on what to do.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        now = timezone.now()
        if is_fresh(request, now) or not (is_required() or factors.of(request.user)):
            return view(request, *args, **kwargs)
        here = request.get_full_path()
        if request.method == "POST":
            here = came_from(request)
            messages.info(request, "Confirm that it is you, then choose again.")
        query = urlencode({"next": here})
        return HttpResponseRedirect(f"{reverse('confirm')}?{query}")

    guarded.asks_to_confirm = True  # type: ignore[attr-defined]
    return guarded


def came_from(request: HttpRequest) -> str:
    """Return the page of this site that a form was sent from, or the home page."""
    root = f"{request.scheme}://{request.get_host()}"
    referer = request.headers.get("Referer", "")
    return referer.removeprefix(root) if referer.startswith(f"{root}/") else "/"


class SessionRules:
    """Middleware: end a session that is too old, and keep newcomers to enrolling."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if not request.user.is_authenticated:
            return None
        now = timezone.now()
        since = request.session.setdefault(SIGNED_IN, now.isoformat())
        is_over = datetime.fromisoformat(since) < now - ABSOLUTE
        if is_over or (request.user.is_demo and not settings.DEMO):
            logout(request)
            return None
        # Written once a minute and not at every request: that keeps it alive as well.
        seen = request.session.get(SEEN)
        if seen is None or datetime.fromisoformat(seen) < now - KEPT_ALIVE:
            request.session[SEEN] = now.isoformat()
        address = request.resolver_match.url_name if request.resolver_match else ""
        is_single = request.session.get("single_sign_on")
        if passwords.must_change(request.user) and not is_single:
            return None if address in BEFORE_CHANGING else redirect("change-password")
        if request.session.get(MUST_ENROL) and address not in BEFORE_ENROLLING:
            return redirect("security")
        return None
