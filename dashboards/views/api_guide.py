"""How a partner's developer begins: token, addresses, errors."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from governance.access import page


@require_safe
@page("api_guide")
def api_guide(request: HttpRequest) -> HttpResponse:
    """Show the first call, the scopes of this viewer's token and what to expect."""
    return render(
        request,
        "governance/api_guide.html",
        {"scopes": sorted(request.viewer.spec.api)},
    )
