from django.db import migrations, models

from governance.postgres import MAY_GOVERN, ME, grants, row_security


class Migration(migrations.Migration):
    """A look at a use of special access has a record: written once, by who looked."""

    dependencies = [("dashboards", "0024_cards_follow")]

    operations = [
        migrations.CreateModel(
            name="SpecialAccessLook",
            fields=[
                ("event", models.BigIntegerField(primary_key=True, serialize=False)),
                ("used_by", models.CharField(max_length=150)),
                ("used_at", models.DateTimeField()),
                ("due_on", models.DateField()),
                ("looked_by", models.CharField(max_length=150)),
                ("looked_at", models.DateTimeField()),
                ("outcome", models.CharField(max_length=20)),
                ("note", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "db_table": "special_access_look",
                "constraints": [
                    models.CheckConstraint(
                        condition=~models.Q(looked_by=models.F("used_by"))
                        & ~models.Q(looked_by=""),
                        name="nobody_looks_at_their_own_use",
                    )
                ],
            },
        ),
        grants("special_access_look", web="SELECT, INSERT"),
        row_security("special_access_look", MAY_GOVERN),
        migrations.RunSQL(
            "CREATE POLICY special_access_look_insert ON special_access_look FOR INSERT"
            f" TO web WITH CHECK (looked_by = {ME} AND {MAY_GOVERN})",
            "DROP POLICY special_access_look_insert ON special_access_look",
        ),
    ]
