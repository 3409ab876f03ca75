from django.db import migrations, models


class Migration(migrations.Migration):
    """The version of a coded opt-out, by which a correction is told from a repeat."""

    dependencies = [("vault", "0010_opt_outs_asked")]

    operations = [
        migrations.AddField(
            model_name="type1statement",
            name="recorded_on",
            field=models.DateField(null=True),
        ),
    ]
