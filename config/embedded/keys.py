"""What each process may know, and nothing more: one closed file per process."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from config.embedded import roles
from config.embedded.postgres import PORT, SUPERUSER

PROCESSES = ("web", "worker", "beat", "vault", "migrator", "auditor")
STORE_ROLE = {
    "web": "web",
    "worker": "worker",
    "beat": "worker",
    "vault": "loader",
    "migrator": "migrator",
    "auditor": "audit_reader",
}
VAULT_ROLE = {"vault": "vault", "migrator": "vault_migrator"}
AUDITED = {"web", "worker", "vault"}
# Every name handed to a process; a child gets its own and none of its parent's.
NAMES = (
    "CATCHMENT_PROCESS",
    "CATCHMENT_HOME",
    "CATCHMENT_SECRET_KEY",
    "DATABASE_URL",
    "AUDIT_DATABASE_URL",
    "VAULT_DATABASE_URL",
    "REDIS_URL",
    "VAULT_SERVICE_URL",
    "VAULT_ASSERTION_KEY",
    "VAULT_DATA_KEY_FILE",
    "PSEUDONYM_KEY_FILE",
)


class Keys:
    """The secrets of one embedded installation, kept in `folder` (mode 0700)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.new = not (folder / "bootstrap.json").exists()
        kept = {} if self.new else json.loads((folder / "bootstrap.json").read_text())
        wanted = [*roles.ROLES, SUPERUSER, "valkey", "assertion"]
        wanted += [f"secret_key_{process}" for process in PROCESSES]
        for name in wanted:
            kept.setdefault(name, secrets.token_urlsafe(32))
        self.passwords: Mapping[str, str] = kept

    def save(self) -> None:
        """Write the supervisor's own file and the two binary keys, where missing."""
        write_closed(self.folder / "bootstrap.json", json.dumps(self.passwords))
        for path in (self.data_key, self.pseudonym_key):
            if not path.exists():
                write_closed(path, secrets.token_bytes(32))

    @property
    def data_key(self) -> Path:
        """32 random bytes with which the vault encrypts (AES-256-GCM)."""
        return self.folder / "vault-data.key"

    @property
    def pseudonym_key(self) -> Path:
        """32 random bytes from which the vault derives pseudonyms (HMAC)."""
        return self.folder / "pseudonym.key"

    def database_url(self, role: str, database: str, sockets: Path) -> str:
        """A connection string that libpq, psycopg and ADBC all take."""
        password = self.passwords[role]
        return f"postgresql://{role}:{password}@/{database}?host={sockets}&port={PORT}"

    def environment(
        self, process: str, *, home: Path, sockets: Path, vault_socket: Path
    ) -> dict[str, str]:
        """The variables of one process. Raises KeyError for an unknown process."""
        known = {
            "CATCHMENT_PROCESS": process,
            "CATCHMENT_HOME": str(home),
            "CATCHMENT_SECRET_KEY": self.passwords[f"secret_key_{process}"],
            "DATABASE_URL": self.database_url(
                STORE_ROLE[process], roles.STORE, sockets
            ),
        }
        if process in AUDITED:
            known["AUDIT_DATABASE_URL"] = self.database_url(
                "audit_writer", roles.STORE, sockets
            )
        if process in VAULT_ROLE:
            known["VAULT_DATABASE_URL"] = self.database_url(
                VAULT_ROLE[process], roles.VAULT, sockets
            )
        if process not in ("migrator", "auditor"):
            password = self.passwords["valkey"]
            known["REDIS_URL"] = f"unix://:{password}@{sockets}/valkey.sock?db=0"
        if process in ("web", "vault"):
            known["VAULT_ASSERTION_KEY"] = self.passwords["assertion"]
        if process == "web":
            known["VAULT_SERVICE_URL"] = f"http+unix://{vault_socket}"
        if process == "vault":
            known["VAULT_DATA_KEY_FILE"] = str(self.data_key)
            known["PSEUDONYM_KEY_FILE"] = str(self.pseudonym_key)
        return known


def write_closed(path: Path, content: str | bytes) -> None:
    """Write a file only its owner can read; never open, not even for a moment."""
    content = content.encode() if isinstance(content, str) else content
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    beside.replace(path)


def dotenv(values: Mapping[str, str]) -> str:
    """NAME=value lines, as `docker --env-file` and `set -a; . file` both read them."""
    return "".join(f"{name}='{value}'\n" for name, value in values.items())
