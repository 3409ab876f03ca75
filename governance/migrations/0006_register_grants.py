from django.db import migrations

from governance.postgres import PRACTICES_IN_SCOPE, VIEWER_ID, grants, row_security

READ = "SELECT"
WRITE = "SELECT, INSERT, UPDATE, DELETE"
BY_PRACTICE = f"practice_code IN {PRACTICES_IN_SCOPE}"
ME = f"(SELECT username FROM governance_user WHERE id = {VIEWER_ID})"
MAY_GOVERN = (
    "EXISTS (SELECT 1 FROM governance_grant g"
    f" WHERE g.user_id = {VIEWER_ID}"
    " AND g.role IN ('ig_lead', 'caldicott_guardian')"
    " AND g.start_on <= current_date"
    " AND (g.end_on IS NULL OR g.end_on > current_date))"
)


class Migration(migrations.Migration):
    """Registers take two people: who proposes in the web cannot decide on it there.

    They hold nothing about persons and are public in part, so everybody reads them.
    """

    dependencies = [("governance", "0005_registers")]

    operations = [
        grants("access_tally", web=READ, worker=WRITE),
        grants("seen_people", audit_writer="INSERT", worker=READ),
        migrations.RunSQL(
            [
                "GRANT SELECT (at, event, outcome) ON governance_auditevent TO worker",
                "CREATE POLICY audit_counts ON governance_auditevent FOR SELECT"
                " TO worker USING (true)",
                "ALTER TABLE seen_people ENABLE ROW LEVEL SECURITY",
                "ALTER TABLE seen_people FORCE ROW LEVEL SECURITY",
                "CREATE POLICY seen_write ON seen_people FOR INSERT TO audit_writer"
                " WITH CHECK (true)",
                "CREATE POLICY seen_read ON seen_people FOR SELECT TO worker"
                " USING (true)",
            ],
            migrations.RunSQL.noop,
        ),
        grants("opt_out_set", web=READ, worker=WRITE, loader=WRITE),
        grants("local_objection", web="SELECT, INSERT", worker=WRITE, loader=WRITE),
        migrations.RunSQL(
            "GRANT UPDATE (withdrawn_at, withdrawn_by) ON local_objection TO web",
            migrations.RunSQL.noop,
        ),
        row_security("local_objection", BY_PRACTICE, web_writes=BY_PRACTICE),
        grants("register_entry", web="SELECT, INSERT", worker=WRITE, loader=READ),
        migrations.RunSQL(
            [
                "GRANT UPDATE (state, decided_by, decided_at, decided_why)"
                " ON register_entry TO web",
                "ALTER TABLE register_entry ENABLE ROW LEVEL SECURITY",
                "CREATE POLICY register_entry_read ON register_entry FOR SELECT"
                " TO web, loader USING (true)",
                "CREATE POLICY register_entry_propose ON register_entry FOR INSERT"
                " TO web WITH CHECK (state = 'proposed' AND decided_by = ''"
                f" AND proposed_by = {ME} AND {MAY_GOVERN})",
                "CREATE POLICY register_entry_decide ON register_entry FOR UPDATE"
                " TO web USING (state = 'proposed')"
                " WITH CHECK (state IN ('approved', 'refused')"
                f" AND decided_by = {ME} AND proposed_by <> {ME} AND {MAY_GOVERN})",
                "CREATE POLICY register_entry_worker ON register_entry FOR ALL"
                " TO worker USING (true) WITH CHECK (true)",
            ],
            migrations.RunSQL.noop,
        ),
    ]
