"""The public register: what is done with people's records, for anyone to read."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboards.selectors.public_register import public_register
from governance import access


@access.public
@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """Say in plain English which records are used, what for, by whom, how often."""
    context = {
        "title": "What is done with health and care records here",
        "found": public_register(timezone.localdate()),
    }
    return render(request, "governance/public_register.html", context)
