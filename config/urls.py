"""Every address. A view without a page of the access definition is refused."""

from django.urls import include, path

urlpatterns = [
    path("", include("dashboards.urls")),
    path("", include("dashboards.urls_service")),
]
