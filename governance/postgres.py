"""Grants and row-level security as migration operations, and the bulk connection.

Two walls keep a person's rows from the wrong viewer: selectors that take the viewer
first, and the policies made here. Whole-population access is a policy TO a role
(worker, loader), never a setting that the web process could set for itself.
What row-level security does not stop is listed in docs/security.md.
"""

from urllib.parse import quote, urlencode

from django.db import connections, migrations

WHOLE_POPULATION_ROLES = ("worker", "loader")

# Written so that Postgres evaluates the setting once per statement: the same policy
# with the setting read inline took 20 times as long over 1.5 million rows.
VIEWER_ID = "(SELECT nullif(current_setting('app.viewer_id', true), '')::int)"
PRACTICES_IN_SCOPE = (
    f"(SELECT practice_code FROM governance_scope WHERE user_id = {VIEWER_ID})"
)
# Who is looking, and whether they govern today. Of what somebody does, and not to a
# row of a person: these are looked up once per statement all the same.
ME = f"(SELECT username FROM governance_user WHERE id = {VIEWER_ID})"
TODAYS = "g.start_on <= current_date AND (g.end_on IS NULL OR g.end_on > current_date)"
MAY_GOVERN = (
    f"EXISTS (SELECT 1 FROM governance_grant g WHERE g.user_id = {VIEWER_ID}"
    f" AND g.role IN ('ig_lead', 'caldicott_guardian') AND {TODAYS})"
)


def grants(table: str, **privileges: str) -> migrations.RunSQL:
    """Grant each role its privileges on a table: grants("x", web="SELECT")."""
    statements = [f"REVOKE ALL ON {table} FROM PUBLIC"] + [
        f"GRANT {what} ON {table} TO {role}" for role, what in privileges.items()
    ]
    return migrations.RunSQL(statements, migrations.RunSQL.noop)


def row_security(
    table: str, web_sees: str, *, web_writes: str | None = None
) -> migrations.RunSQL:
    """Switch row-level security on for a table of persons, for its owner as well.

    `web_sees` is the condition on a row that the web role may read. The restrictive
    floor holds whatever permissive policy a later hand adds: no viewer, no rows.
    """
    statements = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY {table}_web ON {table} FOR SELECT TO web USING ({web_sees})",
        (
            f"CREATE POLICY {table}_floor ON {table} AS RESTRICTIVE FOR ALL TO web"
            f" USING ({VIEWER_ID} IS NOT NULL)"
        ),
    ]
    if web_writes:
        statements += [
            (
                f"CREATE POLICY {table}_web_insert ON {table} FOR INSERT TO web"
                f" WITH CHECK ({web_writes})"
            ),
            (
                f"CREATE POLICY {table}_web_update ON {table} FOR UPDATE TO web"
                f" USING ({web_writes}) WITH CHECK ({web_writes})"
            ),
        ]
    statements += [
        f"CREATE POLICY {table}_{role} ON {table} FOR ALL TO {role}"
        " USING (true) WITH CHECK (true)"
        for role in WHOLE_POPULATION_ROLES
    ]
    return migrations.RunSQL(statements, migrations.RunSQL.noop)


# The purposes for which rows of people are shown at all, as roles.yaml has them.
PURPOSES_OF_ROWS = ("direct_care", "population_health")
FOR_ROWS = (
    "(SELECT coalesce(current_setting('app.purpose', true), '') IN ("
    + ", ".join(f"'{name}'" for name in PURPOSES_OF_ROWS)
    + "))"
)


def purpose_floor(
    table: str, *, command: str = "SELECT", holds: str = FOR_ROWS
) -> migrations.RunSQL:
    """Show the web no row of a table of persons for any other purpose.

    A second floor beside that of `row_security`: planning, research and the rest
    count bitmaps and see nobody's row, whatever a query forgets. `command` is ALL for
    a table that the web writes as well; `holds` another condition on the purpose.
    """
    return migrations.RunSQL(
        f"CREATE POLICY {table}_purpose ON {table} AS RESTRICTIVE FOR {command} TO web"
        f" USING ({holds})",
        f"DROP POLICY {table}_purpose ON {table}",
    )


def in_force(kind: str, alias: str) -> str:
    """Say in SQL that a row of the registers is in force today.

    The newest approved version of its entry that has begun, and it has not expired:
    what `governance.registers.selectors.Book.live` says.
    """
    return (
        f"{alias}.kind = '{kind}' AND {alias}.state = 'approved'"
        f" AND {alias}.starts_on <= current_date"
        f" AND ({alias}.expires_on IS NULL OR {alias}.expires_on > current_date)"
        f" AND {alias}.version = (SELECT max(n.version) FROM register_entry n"
        f" WHERE n.kind = '{kind}' AND n.key = {alias}.key"
        " AND n.state = 'approved' AND n.starts_on <= current_date)"
    )


class BypassError(RuntimeError):
    """A role that row-level security would not hold: no process may run as it."""


def refuse_bypass(alias: str = "default") -> None:
    """Raise BypassError if this connection's role could pass by the policies.

    A superuser, a role with BYPASSRLS, or one that may become such a role or the owner
    of a table of persons; the owner itself runs migrations and nothing else.
    """
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT current_user, r.rolname FROM pg_roles r WHERE"
            " (r.rolsuper OR r.rolbypassrls OR r.oid IN (SELECT relowner FROM pg_class"
            "  WHERE relrowsecurity AND relnamespace = 'public'::regnamespace))"
            " AND pg_has_role(current_user, r.oid, 'MEMBER') LIMIT 1"
        )
        found = cursor.fetchone()
    if found is not None:
        raise BypassError(
            f"The database role {found[0]} can act as {found[1]}, whom row-level"
            " security does not hold. Give this process a role of `./run roles`."
        )


def bulk_uri(alias: str = "default") -> str:
    """Return the connection string of a Django connection, for ADBC and COPY."""
    given = connections[alias].settings_dict
    host, port = given["HOST"], given["PORT"]
    options = {k: v for k, v in given.get("OPTIONS", {}).items() if k != "pool"}
    if host.startswith("/"):
        options["host"] = host
        place = ""
    else:
        place = host
    if port:
        place = f"{place}:{port}" if place else ""
        if host.startswith("/"):
            options["port"] = port
    credentials = f"{quote(given['USER'])}:{quote(given['PASSWORD'], safe='')}"
    query = f"?{urlencode(options)}" if options else ""
    return f"postgresql://{credentials}@{place}/{given['NAME']}{query}"
