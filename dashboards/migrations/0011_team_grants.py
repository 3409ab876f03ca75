from django.db import migrations

from governance.postgres import PRACTICES_IN_SCOPE, VIEWER_ID, grants, row_security

READ = "SELECT"
WRITE = "SELECT, INSERT, UPDATE, DELETE"
BY_PRACTICE = f"practice_code IN {PRACTICES_IN_SCOPE}"
OWN = f"user_id = {VIEWER_ID}"
MY_TEAM = (
    "org_code IN (SELECT g.org_id FROM governance_grant g"
    f" WHERE g.user_id = {VIEWER_ID} AND g.start_on <= current_date"
    " AND (g.end_on IS NULL OR g.end_on > current_date))"
)


class Migration(migrations.Migration):
    """A team's covers are its own; word by e-mail is each member's; homes the scope's."""

    dependencies = [
        ("dashboards", "0010_teams_and_homes"),
        ("governance", "0002_grants"),
    ]

    operations = [
        grants("list_cover", worker=READ),
        grants("list_digest", worker=READ),
        grants("list_home", web=READ, worker=WRITE),
        migrations.RunSQL(
            [
                "GRANT SELECT, INSERT, UPDATE (ended_at, ended_by) ON list_cover"
                " TO web",
                "GRANT SELECT, INSERT, DELETE, UPDATE (address, how_often)"
                " ON list_digest TO web",
                "GRANT UPDATE (sent_on) ON list_digest TO worker",
                "ALTER TABLE list_digest ENABLE ROW LEVEL SECURITY",
                "ALTER TABLE list_digest FORCE ROW LEVEL SECURITY",
                "CREATE POLICY digest_own ON list_digest FOR ALL TO web"
                f" USING ({OWN}) WITH CHECK ({OWN})",
                "CREATE POLICY digest_seen ON list_digest FOR SELECT TO worker"
                " USING (true)",
                "CREATE POLICY digest_sent ON list_digest FOR UPDATE TO worker"
                " USING (true) WITH CHECK (true)",
            ],
            migrations.RunSQL.noop,
        ),
        row_security("list_cover", MY_TEAM, web_writes=MY_TEAM),
        row_security("list_home", BY_PRACTICE),
    ]
