"""The addresses of the vault's service: to reveal, to act, to ask whether it lives."""

from django.urls import path

from linkage.vault.service import views

urlpatterns = [
    path("reveal", views.reveal, name="vault-reveal"),
    path("act", views.act, name="vault-act"),
    path("health", views.health, name="vault-health"),
]
