from django.conf import settings
from django.db import migrations


class Migration(migrations.Migration):
    """Let the loader COPY new facts straight into a partition.

    COPY refuses tables under row-level security. The loader's policy lets it write any
    row through the parent already; it may not read, change or delete here.
    """

    dependencies = [("linkage", "0010_codebook")]

    operations = [
        migrations.RunSQL(
            [
                f"GRANT INSERT ON {table}_p{shard:02d} TO loader"
                for table in ("registration", "residence", "event", "activity")
                for shard in range(settings.SHARDS)
            ],
            migrations.RunSQL.noop,
        ),
    ]
