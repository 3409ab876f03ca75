from django.db import migrations, models

from governance.postgres import grants


class Migration(migrations.Migration):
    """Whom the national opt-out service was asked about, until its reply comes."""

    dependencies = [("vault", "0009_watch")]

    operations = [
        migrations.CreateModel(
            name="NationalOptOutAsked",
            fields=[
                ("number", models.BinaryField(primary_key=True, serialize=False)),
                ("asked_at", models.DateTimeField()),
            ],
            options={"db_table": "national_opt_out_asked"},
        ),
        grants("national_opt_out_asked", vault="SELECT, INSERT, UPDATE, DELETE"),
    ]
