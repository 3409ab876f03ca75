from django.db import migrations

from governance.postgres import VIEWER_ID

ME = f"(SELECT username FROM governance_user WHERE id = {VIEWER_ID})"
# Fails closed: a request that the viewer may not see is nobody else's.
BY_OTHERS = (
    "EXISTS (SELECT 1 FROM rights_request r WHERE r.id = request_id"
    f" AND r.opened_by <> {ME})"
)


class Migration(migrations.Migration):
    """Whoever opened a request decides on its erasure as little as who proposed it."""

    dependencies = [("dashboards", "0016_erasure_of_extracts")]

    operations = [
        migrations.RunSQL(
            "CREATE POLICY rights_erasure_others ON rights_erasure AS RESTRICTIVE"
            f" FOR UPDATE TO web USING (state = 'proposed') WITH CHECK ({BY_OTHERS})",
            "DROP POLICY rights_erasure_others ON rights_erasure",
        )
    ]
