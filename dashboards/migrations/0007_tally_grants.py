from django.db import migrations

from governance.postgres import grants


class Migration(migrations.Migration):
    """Sets of people behind figures: the worker counts, the web reads."""

    dependencies = [("dashboards", "0006_programme_tally")]

    operations = [
        grants(
            "programme_tally",
            web="SELECT",
            worker="SELECT, INSERT, UPDATE, DELETE",
        ),
    ]
