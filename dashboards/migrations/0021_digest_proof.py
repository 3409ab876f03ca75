from django.db import migrations, models


class Migration(migrations.Migration):
    """An address counts once its member has opened the link that was sent to it."""

    dependencies = [("dashboards", "0020_columns_that_are_written")]

    operations = [
        migrations.AddField(
            "digest",
            "proof",
            models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField("digest", "proved_at", models.DateTimeField(null=True)),
        migrations.RunSQL(
            [
                "GRANT UPDATE (proof, proved_at) ON list_digest TO web",
                "GRANT UPDATE (proof) ON list_digest TO worker",
            ],
            migrations.RunSQL.noop,
        ),
    ]
