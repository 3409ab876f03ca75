from django.db import migrations

from governance.postgres import (
    MAY_GOVERN,
    ME,
    TODAYS,
    VIEWER_ID,
    in_force,
    purpose_floor,
)

# Projects in force that name the viewer, each under an agreement in force today; and
# the viewer's own grant as a researcher stands under one too.
MY_PROJECTS = (
    f"(SELECT e.key FROM register_entry e WHERE {in_force('project', 'e')}"
    f" AND e.content -> 'researchers' @> to_jsonb({ME})"
    " AND EXISTS (SELECT 1 FROM register_entry a WHERE"
    f" a.key = e.content ->> 'agreement' AND {in_force('agreement', 'a')})"
    " AND EXISTS (SELECT 1 FROM governance_grant g JOIN register_entry b"
    f" ON b.key = g.agreement AND {in_force('agreement', 'b')}"
    f" WHERE g.user_id = {VIEWER_ID} AND g.role = 'researcher' AND {TODAYS}))"
)
MINE = f"project IN {MY_PROJECTS}"
FOR_RESEARCH = "(SELECT coalesce(current_setting('app.purpose', true), '') = 'research')"


class Migration(migrations.Migration):
    """The day that an agreement ends its projects' extracts are closed in Postgres."""

    dependencies = [
        ("dashboards", "0018_floors"),
        ("governance", "0006_register_grants"),
    ]

    operations = [
        migrations.RunSQL(
            [
                "ALTER POLICY research_extract_web ON research_extract"
                f" USING ({MINE})",
                "ALTER POLICY research_output_web ON research_output"
                f" USING ({MINE} OR {MAY_GOVERN})",
                "ALTER POLICY research_output_ask ON research_output WITH CHECK"
                " (state = 'asked' AND decided_by = ''"
                f" AND asked_by = {ME} AND {MINE})",
            ],
            migrations.RunSQL.noop,
        ),
        purpose_floor("research_extract", holds=FOR_RESEARCH),
    ]
