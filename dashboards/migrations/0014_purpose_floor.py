from django.db import migrations

from governance.postgres import purpose_floor

# Events and activity are seen by way of their person, whose floor is theirs as well.
TABLES = ("person", "profile", "list_entry", "person_risk")


class Migration(migrations.Migration):
    """Rows of people are shown for the purposes that admit rows, and for no other."""

    dependencies = [
        ("dashboards", "0013_erasure"),
        ("linkage", "0002_longitudinal_store"),
        ("risk", "0003_watching"),
    ]

    operations = [purpose_floor(table) for table in TABLES]
