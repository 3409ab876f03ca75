from django.db import migrations


class Migration(migrations.Migration):
    """Digests of who was seen, for the auditor to compare; not the people themselves.

    Made by the database from what stands there, so that another set has another digest.
    """

    dependencies = [("governance", "0009_factor_policies")]

    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE seen_people ADD COLUMN digest bytea"
                " GENERATED ALWAYS AS (sha256(people)) STORED",
                "GRANT SELECT (at, user_id, event, digest) ON seen_people"
                " TO audit_reader",
                "CREATE POLICY seen_compare ON seen_people FOR SELECT TO audit_reader"
                " USING (true)",
            ],
            "ALTER TABLE seen_people DROP COLUMN digest",
        )
    ]
