"""`./run roles`: what servers of your own need, as one script or a folder of secrets.

The folder's files are those that docker-compose.yml names; other platforms' secret
stores take them one by one. Each process is handed its own and no others.
"""

import secrets
from pathlib import Path

from config.embedded import roles
from config.embedded.keys import STORE_ROLE, VAULT_ROLE
from config.embedded.postgres import SUPERUSER

# Processes that sign or encrypt with a key of their own.
KEYED = ("web", "worker", "beat", "vault", "migrator", "auditor")
# A container's user must read the file, so the folder is what is closed.
FILE_MODE = 0o444
FOLDER_MODE = 0o700


def print_roles() -> int:
    """Print the SQL with new random passwords; returns the exit code."""
    print(roles.script(_passwords()), end="")
    return 0


def write_secrets(folder: Path, *, database_host: str, broker_host: str) -> int:
    """Write every secret of a deployment into a new folder; returns the exit code.

    Refuses a folder that exists: new passwords would not fit the databases made with
    the old ones, and a new data key could never open what the old one sealed.
    """
    if folder.exists():
        print(f"{folder} exists. Its secrets belong to databases; nothing was changed.")
        return 2
    folder.mkdir(parents=True, mode=FOLDER_MODE)
    for name, content in _secrets(database_host, broker_host).items():
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(FILE_MODE)
    print(f"Wrote {folder}. Keep a copy of vault_data_key and pseudonym_key in a safe:")
    print("without them no reveal, no replay and no pseudonym can be made again.")
    return 0


def _secrets(database_host: str, broker_host: str) -> dict[str, str | bytes]:
    passwords = _passwords()

    def url(role: str) -> str:
        database = roles.ROLES[role][0]
        return f"postgresql://{role}:{passwords[role]}@{database_host}/{database}"

    broker = secrets.token_urlsafe(32)
    found: dict[str, str | bytes] = {
        "roles.sql": roles.script(passwords),
        "pg_hba.conf": roles.hba(SUPERUSER, network=True),
        "postgres_password": secrets.token_urlsafe(32),
        "valkey_password": broker,
        "redis_url": f"redis://:{broker}@{broker_host}:6379/0",
        # Nobody here can know it: filled in by hand where word goes by e-mail.
        "smtp_url": "",
        "assertion_key": secrets.token_urlsafe(32),
        "vault_data_key": secrets.token_bytes(32),
        "pseudonym_key": secrets.token_bytes(32),
        "audit_database_url": url("audit_writer"),
        "migrator_vault_database_url": url(VAULT_ROLE["migrator"]),
        "vault_database_url": url(VAULT_ROLE["vault"]),
    }
    for role in {role for process, role in STORE_ROLE.items()}:
        found[f"{role}_database_url"] = url(role)
    for process in KEYED:
        found[f"{process}_secret_key"] = secrets.token_urlsafe(48)
    return found


def _passwords() -> dict[str, str]:
    return {role: secrets.token_urlsafe(32) for role in roles.ROLES}
