"""Whom to tell about a weakness: security.txt (RFC 9116), for anyone."""

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from governance import access

# RFC 9116 asks for less than a year, so that a forgotten address does not stay.
STANDS_DAYS = 180

TEXT = "text/plain; charset=utf-8"


@access.public
@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Answer with the configured contact; without one, with the public register."""
    register = request.build_absolute_uri(reverse("public-register"))
    ends = timezone.now() + timedelta(days=STANDS_DAYS)
    lines = [
        f"Contact: {settings.SECURITY_CONTACT or register}",
        f"Expires: {ends.strftime('%Y-%m-%dT00:00:00Z')}",
        "Preferred-Languages: en",
        f"Canonical: {request.build_absolute_uri()}",
        f"Policy: {register}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type=TEXT)
