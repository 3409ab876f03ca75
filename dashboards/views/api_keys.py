"""A partner registers the public keys that its machines sign with, and ends them."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from governance import clients
from governance.access import page
from governance.sign_in import confirmed


class KeyForm(forms.Form):
    """A public key in the form of a JSON Web Key."""

    name = forms.CharField(label="What to call it", max_length=60)
    key = forms.CharField(
        label="Public key, as a JSON Web Key (JWK)",
        max_length=4_000,
        help_text="RSA of 2048 bits or more, or an elliptic curve P-256 or P-384",
    )


@require_http_methods(["GET", "POST"])
@page("api_keys")
@confirmed
def api_keys(request: HttpRequest) -> HttpResponse:
    """The client's keys; register another."""
    form = KeyForm(request.POST or None)
    now = timezone.now()
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            clients.register_key(
                text=given["key"], name=given["name"], now=now, by=request.viewer
            )
            messages.success(request, "Registered. Statements signed with it count.")
            return redirect("api-keys")
        except clients.RefusedKeyError as refused:
            form.add_error("key", str(refused))
    viewer = request.viewer
    context = {
        "title": "Keys of your machines",
        "form": form,
        "keys": clients.keys_of(viewer, timezone.localdate()),
        "today": timezone.localdate(),
        "client_id": viewer.username,
        "token_address": request.build_absolute_uri(reverse("oauth-token")),
    }
    status = 422 if form.errors else 200
    return render(request, "governance/api_keys.html", context, status=status)


@require_POST
@page("api_keys")
@confirmed
def end_key(request: HttpRequest, key_id: int) -> HttpResponse:
    """End one key."""
    try:
        clients.end_key(key_id=key_id, now=timezone.now(), by=request.viewer)
        messages.success(request, "The key has ended.")
    except clients.RefusedKeyError as refused:
        messages.error(request, str(refused))
    return redirect("api-keys")
