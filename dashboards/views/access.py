"""What can this role see? The policy simulator, and the definition as a table."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboards.selectors import simulator
from governance import access
from governance.access import ACCESS


class SimulatorForm(forms.Form):
    """A role, a purpose and a place, each from what is defined."""

    role = forms.ChoiceField(
        label="Role",
        choices=[(name, role.title) for name, role in ACCESS.granted.items()],
    )
    purpose = forms.ChoiceField(
        label="Purpose",
        choices=[(name, p.title) for name, p in ACCESS.purposes.items()],
    )
    place = forms.ChoiceField(label="Place")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["place"].choices = simulator.places()  # type: ignore[attr-defined]


@require_safe
@access.page("access")
def simulate(request: HttpRequest) -> HttpResponse:
    """Pick role, place and purpose; see every page, column, row, export and scope."""
    form = SimulatorForm(request.GET or None)
    found = None
    if request.GET and form.is_valid():
        asked = form.cleaned_data
        found = simulator.simulate(
            asked["role"],
            asked["purpose"],
            simulator.place(asked["place"]),
            timezone.localdate(),
        )
    context = {
        "title": "What can this role see?",
        "form": form,
        "found": found,
        "uses": ACCESS.uses,
    }
    status = 422 if form.errors else 200
    return render(request, "governance/simulator.html", context, status=status)


@require_safe
@access.page("access")
def definition(request: HttpRequest) -> HttpResponse:
    """Show who may see what: every role, its purposes, pages and kind of data."""
    context = {"title": "Who may see what", "definition": ACCESS}
    return render(request, "dashboards/access.html", context)
