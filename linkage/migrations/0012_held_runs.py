from django.db import migrations, models


class Migration(migrations.Migration):
    """Runs that wait for a decision, were refused or rolled back; who sent them."""

    dependencies = [("linkage", "0011_loader_fills_partitions")]

    operations = [
        migrations.AddField(
            model_name="feedrun",
            name="supplier",
            field=models.CharField(blank=True, db_default="", max_length=20),
        ),
        migrations.AddField(
            model_name="feedrun",
            name="way",
            field=models.CharField(blank=True, db_default="", max_length=12),
        ),
        migrations.AlterField(
            model_name="feedrun",
            name="state",
            field=models.CharField(
                choices=[
                    ("received", "Received"),
                    ("staged", "Staged"),
                    ("published", "Published"),
                    ("failed", "Failed"),
                    ("held", "Held"),
                    ("refused", "Refused"),
                    ("undone", "Undone"),
                ],
                max_length=9,
            ),
        ),
    ]
