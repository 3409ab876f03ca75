from django.db import migrations

from governance.postgres import MAY_GOVERN, VIEWER_ID


class Migration(migrations.Migration):
    """A practice reviews a request; how it goes on from there is for who governs."""

    dependencies = [("dashboards", "0021_digest_proof")]

    operations = [
        migrations.RunSQL(
            "CREATE POLICY rights_request_governed ON rights_request AS RESTRICTIVE"
            f" FOR UPDATE TO web USING ({VIEWER_ID} IS NOT NULL)"
            f" WITH CHECK (state = 'reviewed' OR {MAY_GOVERN})",
            "DROP POLICY rights_request_governed ON rights_request",
        )
    ]
