import django.db.models.deletion
from django.db import migrations, models

from governance.postgres import grants


class Migration(migrations.Migration):
    """Which rows a run has loaded; only the loader asks."""

    dependencies = [("linkage", "0005_loader_reads_bitmaps")]

    operations = [
        migrations.CreateModel(
            name="RunKeys",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="linkage.feedrun",
                    ),
                ),
                ("filter", models.BinaryField()),
            ],
            options={"db_table": "run_keys"},
        ),
        grants("run_keys", loader="SELECT, INSERT, UPDATE, DELETE"),
    ]
