"""The addresses of pages, downloads and the API."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
