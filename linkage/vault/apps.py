from django.apps import AppConfig


class VaultConfig(AppConfig):
    """The vault zone: identifiers, person index, reveal service. Its own database."""

    name = "linkage.vault"
    label = "vault"
