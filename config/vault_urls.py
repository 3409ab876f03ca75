"""The addresses of the vault's service: one to reveal, one to ask whether it lives."""

from django.urls import path

from linkage.vault.service import views

urlpatterns = [
    path("reveal", views.reveal, name="vault-reveal"),
    path("health", views.health, name="vault-health"),
]
