from django.db import migrations, models


class Migration(migrations.Migration):
    """A person may want no contact by a programme at all; the column stays as it is."""

    dependencies = [("dashboards", "0022_released_by_governance")]

    operations = [
        migrations.AlterField(
            "card",
            "preference",
            models.CharField(
                blank=True,
                choices=[
                    ("phone", "By telephone"),
                    ("letter", "By letter"),
                    ("text", "By text message"),
                    ("visit", "In person"),
                    ("carer", "Through their carer"),
                    ("none", "Not at all by this programme"),
                ],
                max_length=6,
            ),
        )
    ]
