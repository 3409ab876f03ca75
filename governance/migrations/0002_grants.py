from django.db import migrations

from governance.postgres import grants

READ = "SELECT"
WRITE = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    """Who may touch what: the web reads, signs people in, and writes no grant."""

    dependencies = [
        ("governance", "0001_initial"),
        ("sessions", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunSQL(
            "GRANT USAGE ON SCHEMA public TO web, worker, loader, audit_writer,"
            " audit_reader",
            migrations.RunSQL.noop,
        ),
        grants("django_migrations", web=READ, worker=READ, loader=READ),
        grants("django_session", web=WRITE),
        grants("django_content_type", web=READ, worker=READ),
        grants("governance_org", web=READ, worker=WRITE, loader=READ),
        grants("governance_orglink", web=READ, worker=WRITE, loader=READ),
        grants("governance_area", web=READ, worker=WRITE, loader=READ),
        grants("governance_arealink", web=READ, worker=WRITE, loader=READ),
        grants("governance_user", worker=WRITE, loader=READ),
        migrations.RunSQL(
            [
                "GRANT SELECT, UPDATE (last_login) ON governance_user TO web",
            ],
            migrations.RunSQL.noop,
        ),
        grants("governance_grant", web=READ, worker=WRITE, loader=READ),
        grants("governance_scope", web=READ, worker=WRITE, loader=READ),
        grants("governance_apitoken", web=READ, worker=WRITE),
        grants(
            "governance_auditevent",
            audit_writer="INSERT",
            audit_reader=READ,
        ),
        # A viewer sees what they themselves did; the IG lead's grant shows all.
        migrations.RunSQL(
            [
                "GRANT SELECT ON governance_auditevent TO web",
                "ALTER TABLE governance_auditevent ENABLE ROW LEVEL SECURITY",
                "ALTER TABLE governance_auditevent FORCE ROW LEVEL SECURITY",
                "CREATE POLICY audit_write ON governance_auditevent FOR INSERT"
                " TO audit_writer WITH CHECK (true)",
                "CREATE POLICY audit_read ON governance_auditevent FOR SELECT"
                " TO audit_reader USING (true)",
                "CREATE POLICY audit_own ON governance_auditevent FOR SELECT TO web"
                " USING (user_id = (SELECT"
                " nullif(current_setting('app.viewer_id', true), '')::int)"
                " OR EXISTS (SELECT 1 FROM governance_grant g"
                " WHERE g.user_id = (SELECT"
                " nullif(current_setting('app.viewer_id', true), '')::int)"
                " AND g.role = 'ig_lead' AND g.start_on <= current_date"
                " AND (g.end_on IS NULL OR g.end_on > current_date)))",
            ],
            migrations.RunSQL.noop,
        ),
    ]
