"""Which database holds what: the vault app in the vault, audit by its own way."""

from typing import Any

from django.conf import settings


class ZoneRouter:
    """Keep identifiers in the vault's database and everything else out of it."""

    def db_for_read(self, model: Any, **_: Any) -> str | None:
        return "vault" if model._meta.app_label == "vault" else None

    def db_for_write(self, model: Any, **_: Any) -> str | None:
        if model._meta.app_label == "vault":
            return "vault"
        if model._meta.label == "governance.AuditEvent":
            return "audit"
        return None

    def allow_relation(self, one: Any, other: Any, **_: Any) -> bool | None:
        zones = {one._meta.app_label == "vault", other._meta.app_label == "vault"}
        return len(zones) == 1 or None

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool | None:
        if db == "audit":
            return False
        if settings.PROCESS not in {"migrator", "test"} and db == "vault":
            return False
        return (app_label == "vault") == (db == "vault")
