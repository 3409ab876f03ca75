"""Whether feeds agree on ethnicity, beside what the check of the links found."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("linkage", "0018_submissions")]

    operations = [
        migrations.AddField(
            "LinkageAudit", "agreement", models.JSONField(default=list)
        ),
    ]
