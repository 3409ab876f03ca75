"""`./run manage …`: Django's own commands, each under the role it needs."""

from collections.abc import Sequence

import psycopg

from config.runner.session import Session

SCHEMA_COMMANDS = {"migrate", "makemigrations", "sqlmigrate", "showmigrations", "flush"}
# What reads or writes identifiers runs in the vault's zone.
VAULT_COMMANDS = {
    "ask_opt_outs",
    "load",
    "load_landing",
    "load_reference",
    "replay",
    "roll_back_run",
    "evaluate_linkage",
    "link_list",
    "evaluate_registers",
    "true_people",
    "rotate_keys",
    "check_links",
    "person_index",
    "pseudonyms",
    "withheld_numbers",
    "staff_register",
}
# What reads the whole audit trail runs as the role that can do nothing else.
AUDITOR_COMMANDS = {"verify_audit"}
DATABASES = ("default", "vault")


def process_for(command: str) -> str:
    """The process whose role a management command runs under."""
    if command in SCHEMA_COMMANDS:
        return "migrator"
    if command in AUDITOR_COMMANDS:
        return "auditor"
    return "vault" if command in VAULT_COMMANDS else "worker"


def manage(session: Session, words: Sequence[str], process: str | None = None) -> int:
    """Run one management command; returns its exit code.

    `migrate` without a database brings both to the newest schema.
    """
    words = list(words) or ["help"]
    process = process or process_for(words[0])
    if words[0] == "migrate" and not any(w.startswith("--database") for w in words):
        return migrate(session, words[1:])
    return session.run(process, ["manage.py", *words])


def migrate(session: Session, words: Sequence[str] = ()) -> int:
    """Bring both databases to the newest schema; returns the first failing code."""
    for database in DATABASES:
        code = session.run("migrator", [*migrate_arguments(database), *words])
        if code != 0:
            return code
    return 0


def migrate_if_new(session: Session) -> int:
    """Make the tables of embedded databases that have none; returns the exit code."""
    if session.servers is None:
        return 0
    with psycopg.connect(session.servers.role_url("migrator")) as connection:
        found = connection.execute("SELECT to_regclass('feed_run')").fetchone()
    if found and found[0]:
        return 0
    print("New databases: making their tables …", flush=True)
    return migrate(session, ["--verbosity", "0"])


def migrate_arguments(database: str) -> list[str]:
    """What Python runs to migrate one database, asking nothing.

    `./run check` checks the project; here it would only import every page twice.
    """
    quiet = ("--no-input", "--skip-checks")
    return ["manage.py", "migrate", *quiet, "--database", database]
