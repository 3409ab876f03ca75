from django.db import migrations


class Migration(migrations.Migration):
    """An activity of several rows says which of them it is told by."""

    dependencies = [("linkage", "0015_delta_refresh")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE activity ADD COLUMN place integer",
            migrations.RunSQL.noop,
            state_operations=[],
        )
    ]
