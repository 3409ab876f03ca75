from django.db import migrations


class Migration(migrations.Migration):
    """Let the vault's process compare a release's registers with a truth folder.

    Who truly is who is known in the vault alone, so the comparison runs there, under
    its store role.
    """

    dependencies = [("linkage", "0004_worker_reads_partitions")]

    operations = [
        migrations.RunSQL(
            "GRANT SELECT ON attribute_bitmap, attribute_column TO loader",
            migrations.RunSQL.noop,
        ),
    ]
