from django.db import migrations, models


class Migration(migrations.Migration):
    """Nobody puts the codelist in force that they proposed, whatever a page forgets."""

    dependencies = [("linkage", "0022_provider_reach")]

    operations = [
        migrations.AddConstraint(
            "codelistversion",
            models.CheckConstraint(
                condition=~models.Q(state__in=["accepted", "superseded"])
                | (
                    ~models.Q(decided_by="")
                    & ~models.Q(decided_by=models.F("proposed_by"))
                ),
                name="codelist_takes_two_people",
            ),
        )
    ]
