import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """A release may stand on another and hold the touched persons alone.

    Whose best-known attributes change is touched as well: such settlements take their
    marks from a sequence of their own, far above the numbers of runs.
    """

    dependencies = [("linkage", "0014_feed_quality")]

    operations = [
        migrations.AddField(
            "release",
            "delta_of",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deltas",
                to="linkage.release",
            ),
        ),
        migrations.AddField("release", "marks", models.JSONField(default=list)),
        migrations.AddField("release", "whole_parts", models.JSONField(default=list)),
        migrations.AddField(
            "release", "places", models.CharField(default="", max_length=64)
        ),
        migrations.RunSQL(
            [
                "CREATE SEQUENCE settlement_no AS integer START 1073741824"
                " MINVALUE 1073741824",
                "GRANT USAGE ON SEQUENCE settlement_no TO loader",
                "GRANT DELETE ON touched_person TO worker",
            ],
            migrations.RunSQL.noop,
        ),
    ]
