"""A file's own period and sequence, of which one stands; no state that nothing sets."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("linkage", "0017_homes")]

    operations = [
        migrations.AddField(
            "FeedRun",
            "period",
            models.CharField(blank=True, db_default="", max_length=8),
        ),
        migrations.AddField("FeedRun", "sequence", models.IntegerField(null=True)),
        migrations.AlterField(
            "FeedRun",
            "state",
            models.CharField(
                choices=[
                    ("received", "Received"),
                    ("published", "Published"),
                    ("failed", "Failed"),
                    ("held", "Held"),
                    ("refused", "Refused"),
                    ("undone", "Undone"),
                ],
                max_length=9,
            ),
        ),
        migrations.AddConstraint(
            "FeedRun",
            models.UniqueConstraint(
                condition=models.Q(
                    sequence__isnull=False,
                    state__in=["received", "held", "published"],
                ),
                fields=["feed", "supplier", "period", "sequence"],
                name="one_run_per_submission",
            ),
        ),
    ]
