from django.db import migrations, models


class Migration(migrations.Migration):
    """What searches found is kept by feed, so that a closed feed tells nothing.

    Earlier answers do not say their feed; the worker searches again by itself.
    """

    dependencies = [("segmentation", "0003_released_sets")]

    operations = [
        migrations.RunSQL("DELETE FROM code_search_part", migrations.RunSQL.noop),
        migrations.RemoveConstraint("codesearchpart", "one_code_search_part"),
        migrations.AddField(
            "codesearchpart",
            "feed_no",
            models.SmallIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            "codesearchpart",
            models.UniqueConstraint(fields=["search", "shard", "feed_no"], name="one_code_search_part"),
        ),
    ]
