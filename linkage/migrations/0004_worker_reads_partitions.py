from django.conf import settings
from django.db import migrations


class Migration(migrations.Migration):
    """Let the worker read one shard: a partition by its own name.

    The worker's policy already shows it the whole population, and bulk reading over
    COPY refuses tables under row-level security. The web role has nothing here: a
    partition read directly would pass by the policies of its parent.
    """

    dependencies = [("linkage", "0003_touched_person")]

    operations = [
        migrations.RunSQL(
            [
                f"GRANT SELECT ON {table}_p{shard:02d} TO worker"
                for table in ("person", "registration", "residence", "event", "activity")
                for shard in range(settings.SHARDS)
            ],
            migrations.RunSQL.noop,
        ),
    ]
