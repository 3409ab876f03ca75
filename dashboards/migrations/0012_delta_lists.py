from django.db import migrations, models

from governance.postgres import grants


class Migration(migrations.Migration):
    """A delta's lists lie over those of the full release beneath."""

    dependencies = [("dashboards", "0011_team_grants")]

    operations = [
        migrations.AddField("listrun", "over", models.IntegerField(null=True)),
        migrations.AddField("listrun", "gone", models.BinaryField(default=bytes)),
        migrations.CreateModel(
            name="ListPlaces",
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
                ("programme", models.CharField(max_length=60)),
                ("release_id", models.IntegerField()),
                ("pcn_code", models.CharField(max_length=12)),
                ("people", models.BinaryField()),
            ],
            options={
                "db_table": "list_places",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["release_id", "programme", "pcn_code"],
                        name="one_order",
                    )
                ],
            },
        ),
        grants("list_places", web="SELECT", worker="SELECT, INSERT, DELETE"),
    ]
