from django.db import migrations, models


class Migration(migrations.Migration):
    """Areas carry the domains of deprivation and fuel poverty."""

    dependencies = [("governance", "0003_reference_data")]

    operations = [
        migrations.AddField(
            model_name="area", name="traits", field=models.JSONField(default=dict)
        )
    ]
