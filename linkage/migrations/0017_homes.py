from django.db import migrations


class Migration(migrations.Migration):
    """A residence says which others share its address, by a key of the vault's."""

    dependencies = [("linkage", "0016_episode_that_told")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE residence ADD COLUMN home_key bigint",
            migrations.RunSQL.noop,
            state_operations=[],
        )
    ]
