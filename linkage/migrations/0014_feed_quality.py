import django.db.models.deletion
from django.db import migrations, models

from governance.postgres import grants


class Migration(migrations.Migration):
    """How complete and valid each delivered file is, by who submitted it: counts."""

    dependencies = [("linkage", "0013_published_series")]

    operations = [
        migrations.CreateModel(
            name="FeedQuality",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("provider", models.CharField(blank=True, max_length=20)),
                ("field", models.CharField(blank=True, max_length=60)),
                ("rows", models.BigIntegerField()),
                ("filled", models.BigIntegerField()),
                ("valid", models.BigIntegerField()),
                ("defaults", models.BigIntegerField()),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="quality",
                        to="linkage.feedrun",
                    ),
                ),
            ],
            options={"db_table": "feed_quality"},
        ),
        migrations.AddConstraint(
            model_name="feedquality",
            constraint=models.UniqueConstraint(
                fields=("run", "provider", "field"), name="one_quality_per_field"
            ),
        ),
        grants(
            "feed_quality",
            web="SELECT",
            worker="SELECT",
            loader="SELECT, INSERT, UPDATE, DELETE",
        ),
        # Sequences are used by those who insert.
        migrations.RunSQL(
            "GRANT USAGE, SELECT ON SEQUENCE feed_quality_id_seq TO loader",
            migrations.RunSQL.noop,
        ),
    ]
