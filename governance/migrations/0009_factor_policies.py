from django.db import migrations


class Migration(migrations.Migration):
    """The worker takes second factors away and can make none; governance sees all."""

    dependencies = [("governance", "0008_sign_in")]

    operations = [
        migrations.RunSQL(
            [
                "DROP POLICY factor_worker ON governance_secondfactor",
                "CREATE POLICY factor_seen ON governance_secondfactor FOR SELECT"
                " TO worker USING (true)",
                "CREATE POLICY factor_forgotten ON governance_secondfactor FOR DELETE"
                " TO worker USING (true)",
                # The Caldicott Guardian reads the trail like the governance lead.
                "DROP POLICY audit_own ON governance_auditevent",
                "CREATE POLICY audit_own ON governance_auditevent FOR SELECT TO web"
                " USING (user_id = (SELECT"
                " nullif(current_setting('app.viewer_id', true), '')::int)"
                " OR EXISTS (SELECT 1 FROM governance_grant g"
                " WHERE g.user_id = (SELECT"
                " nullif(current_setting('app.viewer_id', true), '')::int)"
                " AND g.role IN ('ig_lead', 'caldicott_guardian')"
                " AND g.start_on <= current_date"
                " AND (g.end_on IS NULL OR g.end_on > current_date)))",
            ],
            migrations.RunSQL.noop,
        ),
    ]
