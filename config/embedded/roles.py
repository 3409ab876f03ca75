"""Database roles and databases, for the embedded servers and for real ones alike.

Two databases: `store` holds pseudonymised rows, `vault` what identifies. No role may
bypass row-level security, and no role reaches both databases: what moves from one to
the other moves through the vault-zone process, which holds two connections.
"""

from collections.abc import Iterator, Mapping

STORE = "store"
VAULT = "vault"
SCRAM = "scram-sha-256"

# Role → the databases it may connect to.
ROLES: dict[str, tuple[str, ...]] = {
    "migrator": (STORE,),
    "vault_migrator": (VAULT,),
    "web": (STORE,),
    "worker": (STORE,),
    "loader": (STORE,),
    "vault": (VAULT,),
    "audit_writer": (STORE,),
    "audit_reader": (STORE,),
}
# Who reads and adds single rows has no need of tables of its own, not even for a while.
WITHOUT_TEMPORARY = ("web", "audit_writer", "audit_reader")
OWNERS = {STORE: "migrator", VAULT: "vault_migrator"}


def cluster_statements(passwords: Mapping[str, str]) -> Iterator[str]:
    """SQL for the whole server: roles, then databases. Run as its superuser.

    `passwords` has one entry for each name in ROLES.
    """
    for role in ROLES:
        yield (
            f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB "
            f"NOCREATEROLE NOREPLICATION PASSWORD {quoted(passwords[role])}"
        )
    for database, owner in OWNERS.items():
        yield f"CREATE DATABASE {database} OWNER {owner} TEMPLATE template0"


def database_statements(database: str) -> Iterator[str]:
    """SQL inside one new database: who may connect, and who owns its schema.

    Table rights are the migrations' affair; here only the doors are set.
    """
    owner = OWNERS[database]
    entrants = _entrants(database)
    yield from _doors(database, entrants)
    yield f"ALTER SCHEMA public OWNER TO {owner}"
    yield "REVOKE ALL ON SCHEMA public FROM PUBLIC"
    yield f"GRANT USAGE ON SCHEMA public TO {entrants}"
    if database == STORE:
        # A loader's batch is loaded again after a crash, so it need not wait for disk.
        yield "ALTER ROLE loader IN DATABASE store SET synchronous_commit = off"


def copy_statements(database: str, suffix: str) -> Iterator[str]:
    """SQL that copies a database nobody is connected to, for a parallel test run.

    What lies inside is copied with its rights; the doors are not, and are set again.
    """
    copied = f"{database}_{suffix}"
    yield f"CREATE DATABASE {copied} TEMPLATE {database} OWNER {OWNERS[database]}"
    yield from _doors(copied, _entrants(database))


def _entrants(database: str) -> str:
    return ", ".join(role for role, allowed in ROLES.items() if database in allowed)


def _doors(database: str, entrants: str) -> Iterator[str]:
    yield f"REVOKE ALL ON DATABASE {database} FROM PUBLIC"
    yield f"GRANT CONNECT ON DATABASE {database} TO {entrants}"
    at_work = [r for r in entrants.split(", ") if r not in WITHOUT_TEMPORARY]
    yield f"GRANT TEMPORARY ON DATABASE {database} TO {', '.join(at_work)}"


def hba(superuser: str, *, network: bool = False) -> str:
    """The pg_hba.conf: passwords always, the vault closed to all but its own roles.

    Over the Unix socket, and with `network` also from the server's own subnets.
    Names are regular expressions so that copies of the databases made for parallel
    tests stand behind the same wall.
    """
    rules = (
        ("all", superuser, SCRAM),
        ('"/^vault"', "vault,vault_migrator", SCRAM),
        ('"/^vault"', "all", "reject"),
        ("all", "vault,vault_migrator", "reject"),
        ('"/^store"', ",".join(r for r in ROLES if VAULT not in ROLES[r]), SCRAM),
        ("all", "all", "reject"),
    )
    kinds = (("local", ""), ("host", "samenet")) if network else (("local", ""),)
    lines = [
        f"{kind}  {database}  {user}  {address}  {method}"
        for kind, address in kinds
        for database, user, method in rules
    ]
    return "\n".join(["# TYPE  DATABASE  USER  ADDRESS  METHOD", *lines]) + "\n"


def script(passwords: Mapping[str, str]) -> str:
    """A psql script that makes roles and databases on a server of your own."""
    parts = [f"{statement};" for statement in cluster_statements(passwords)]
    for database in OWNERS:
        parts.append(f"\\connect {database}")
        parts += [f"{statement};" for statement in database_statements(database)]
    return "\n".join(parts) + "\n"


def quoted(text: str) -> str:
    """A SQL string literal. Raises ValueError for what cannot stand in one."""
    if "\x00" in text or "\\" in text:
        raise ValueError("a password may hold neither a backslash nor a zero byte")
    return "'" + text.replace("'", "''") + "'"
