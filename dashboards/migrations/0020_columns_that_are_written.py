from django.db import migrations

# Of each row that the web may change: the columns that an action writes, and no other.
# Whose a request or a card is, and who asked for it, is said once.
WRITTEN = {
    "rights_request": ("state", "stopped_on", "due_on"),
    "intervention": ("state", "done_by", "done_on"),
    "list_card": (
        "version",
        "assigned_role",
        "assigned_to",
        "due_on",
        "attempts",
        "first_invited_on",
        "second_invited_on",
        "reached_on",
        "preference",
    ),
    "list_visit": ("visited_at", "release_id", "before_release"),
    "cohort": ("sharing", "every", "review_by", "retired_at"),
    # That an effect was worked out is for the worker to say, who sees everybody.
    "codelist_version": ("state", "decided_by", "decided_at"),
}


class Migration(migrations.Migration):
    """The web changes what its actions change, column by column."""

    dependencies = [
        ("dashboards", "0019_research_agreement"),
        ("linkage", "0010_codebook"),
        ("segmentation", "0002_grants"),
    ]

    operations = [
        migrations.RunSQL(
            [
                statement
                for table, columns in WRITTEN.items()
                for statement in (
                    f"REVOKE UPDATE ON {table} FROM web",
                    f"GRANT UPDATE ({', '.join(columns)}) ON {table} TO web",
                )
            ],
            migrations.RunSQL.noop,
        ),
    ]
