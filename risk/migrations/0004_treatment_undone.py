from django.db import migrations

from governance.postgres import PRACTICES_IN_SCOPE


class Migration(migrations.Migration):
    """A decision that is undone takes its mark back, for the team's own people."""

    dependencies = [("risk", "0003_watching")]

    operations = [
        migrations.RunSQL(
            [
                "GRANT DELETE ON treatment TO web",
                "CREATE POLICY treatment_web_delete ON treatment FOR DELETE TO web"
                f" USING (practice_code IN {PRACTICES_IN_SCOPE})",
            ],
            migrations.RunSQL.noop,
        )
    ]
