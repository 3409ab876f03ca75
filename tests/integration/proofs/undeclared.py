"""An address that nobody declared: no page, no scope, not marked as public."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse("whatever is behind it")


urlpatterns = [
    path("undeclared/", view, name="undeclared"),
    path("", include("config.urls")),
]
