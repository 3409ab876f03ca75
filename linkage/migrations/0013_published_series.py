import django.db.models.deletion
from django.db import migrations, models

from governance.postgres import grants

WRITE = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    """Published series: figures about places, which anybody who signs in may read."""

    dependencies = [("linkage", "0012_held_runs")]

    operations = [
        migrations.CreateModel(
            name="SeriesArea",
            fields=[
                (
                    "code",
                    models.CharField(max_length=60, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=200)),
            ],
            options={"db_table": "series_area", "ordering": ["code"]},
        ),
        migrations.CreateModel(
            name="SeriesValue",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "series",
                        "measure",
                        "area_code",
                        "breakdown",
                        "start_on",
                        "record",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("series", models.CharField(max_length=60)),
                ("measure", models.CharField(max_length=60)),
                ("area_code", models.CharField(max_length=60)),
                ("breakdown", models.CharField(max_length=300)),
                ("start_on", models.DateField()),
                ("record", models.BigIntegerField()),
                ("value", models.FloatField(null=True)),
                ("received_on", models.DateField()),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="linkage.feedrun",
                    ),
                ),
            ],
            options={"db_table": "series_value"},
        ),
        grants("series_value", web="SELECT", worker="SELECT", loader=WRITE),
        grants("series_area", web="SELECT", worker="SELECT", loader=WRITE),
    ]
