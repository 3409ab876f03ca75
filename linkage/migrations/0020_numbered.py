"""How many records of each group have a number, beside the check of the links."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("linkage", "0019_agreement")]

    operations = [
        migrations.AddField("LinkageAudit", "numbered", models.JSONField(default=list)),
    ]
