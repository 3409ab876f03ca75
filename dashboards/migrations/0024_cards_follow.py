from django.db import migrations


class Migration(migrations.Migration):
    """The worker moves cards with their people: whose they are, and nothing else."""

    dependencies = [("dashboards", "0023_no_contact")]

    operations = [
        migrations.RunSQL(
            [
                "GRANT UPDATE (practice_code, version, assigned_to) ON list_card"
                " TO worker",
                "GRANT INSERT, UPDATE (practice_code) ON card_event TO worker",
                "GRANT UPDATE (practice_code) ON decision TO worker",
            ],
            migrations.RunSQL.noop,
        )
    ]
