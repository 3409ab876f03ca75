from django.db import migrations


class Migration(migrations.Migration):
    """Who erases a person removes the extracts that hold a row of them."""

    dependencies = [("dashboards", "0015_research")]

    operations = [
        migrations.RunSQL(
            "GRANT SELECT, DELETE ON research_extract TO loader",
            "REVOKE SELECT, DELETE ON research_extract FROM loader",
        )
    ]
