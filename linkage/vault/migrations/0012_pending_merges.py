from django.db import migrations, models

from governance.postgres import grants


class Migration(migrations.Migration):
    """Whom a run's records show to be one person, until its facts stand."""

    dependencies = [("vault", "0011_type1_versions")]

    operations = [
        migrations.CreateModel(
            name="PendingMerge",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "run_id",
                        "person_no",
                        "into_person_no",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("run_id", models.IntegerField()),
                ("person_no", models.IntegerField()),
                ("into_person_no", models.IntegerField()),
            ],
            options={"db_table": "pending_merge"},
        ),
        grants("pending_merge", vault="SELECT, INSERT, UPDATE, DELETE"),
    ]
