from django.db import migrations, models


class Migration(migrations.Migration):
    """What an effect was worked out beside: it is accepted beside nothing else."""

    dependencies = [("linkage", "0023_codelist_by_two")]

    operations = [
        migrations.AddField(
            "codelistversion",
            "measured_against",
            models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        )
    ]
