from django.db import migrations


class Migration(migrations.Migration):
    """Activity says who saw the person, for continuity of care."""

    dependencies = [("linkage", "0008_lists_and_audits")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE activity ADD COLUMN seen_by text",
            migrations.RunSQL.noop,
            state_operations=[],
        )
    ]
