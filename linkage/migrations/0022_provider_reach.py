from django.db import migrations, models

from governance.postgres import VIEWER_ID, grants, row_security

OWN_TRUST = (
    "provider_code IN (SELECT g.org_id FROM governance_grant g"
    f" WHERE g.user_id = {VIEWER_ID} AND g.start_on <= current_date"
    " AND (g.end_on IS NULL OR g.end_on > current_date))"
)


class Migration(migrations.Migration):
    """Whom a trust has seen, for who holds a grant at that trust."""

    dependencies = [
        ("linkage", "0021_run_key_pieces"),
        ("governance", "0009_factor_policies"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProviderReach",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "provider_code",
                        "feed_no",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("provider_code", models.CharField(max_length=12)),
                ("feed_no", models.SmallIntegerField()),
                ("release_id", models.IntegerField()),
                ("people", models.BinaryField()),
            ],
            options={"db_table": "provider_reach"},
        ),
        grants(
            "provider_reach", web="SELECT", worker="SELECT, INSERT, UPDATE, DELETE"
        ),
        row_security("provider_reach", OWN_TRUST),
    ]
