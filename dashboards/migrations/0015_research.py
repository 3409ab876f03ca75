from django.db import migrations, models

from governance.postgres import VIEWER_ID, grants, row_security

ME = f"(SELECT username FROM governance_user WHERE id = {VIEWER_ID})"
MAY_GOVERN = (
    "EXISTS (SELECT 1 FROM governance_grant g"
    f" WHERE g.user_id = {VIEWER_ID}"
    " AND g.role IN ('ig_lead', 'caldicott_guardian')"
    " AND g.start_on <= current_date"
    " AND (g.end_on IS NULL OR g.end_on > current_date))"
)
# The newest approved version of the project that has begun, in force today, names the
# viewer: the day that it ends, Postgres shows its extract to nobody.
MY_PROJECTS = (
    "(SELECT DISTINCT e.key FROM register_entry e WHERE e.kind = 'project'"
    " AND e.state = 'approved' AND e.starts_on <= current_date"
    " AND (e.expires_on IS NULL OR e.expires_on > current_date)"
    f" AND e.content -> 'researchers' @> to_jsonb({ME})"
    " AND e.version = (SELECT max(n.version) FROM register_entry n"
    "  WHERE n.kind = 'project' AND n.key = e.key AND n.state = 'approved'"
    "  AND n.starts_on <= current_date))"
)
MINE = f"project IN {MY_PROJECTS}"
ID = models.BigAutoField(
    auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
)


class Migration(migrations.Migration):
    """A project's extract is its researchers'; what leaves takes two people."""

    dependencies = [
        ("dashboards", "0014_purpose_floor"),
        ("governance", "0009_factor_policies"),
    ]

    operations = [
        migrations.CreateModel(
            name="ResearchExtract",
            fields=[
                (
                    "project",
                    models.CharField(
                        max_length=120, primary_key=True, serialize=False
                    ),
                ),
                ("release_id", models.IntegerField()),
                ("as_of", models.DateField()),
                ("columns", models.JSONField()),
                ("rows", models.IntegerField()),
                ("made_at", models.DateTimeField()),
                ("sealed", models.BinaryField()),
            ],
            options={"db_table": "research_extract"},
        ),
        migrations.CreateModel(
            name="ResearchOutput",
            fields=[
                ("id", ID),
                ("project", models.CharField(max_length=120)),
                ("title", models.CharField(max_length=120)),
                ("why", models.CharField(max_length=300)),
                ("asked_for", models.JSONField()),
                ("figures", models.JSONField()),
                ("checks", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Waiting for a second person"),
                            ("released", "Released"),
                            ("refused", "Refused"),
                        ],
                        default="asked",
                        max_length=8,
                    ),
                ),
                ("asked_by", models.CharField(max_length=150)),
                ("asked_at", models.DateTimeField()),
                ("decided_by", models.CharField(blank=True, max_length=150)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_why", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "db_table": "research_output",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(state="asked", decided_at__isnull=True)
                        | (
                            ~models.Q(state="asked")
                            & models.Q(decided_at__isnull=False)
                            & ~models.Q(decided_by="")
                            & ~models.Q(decided_by=models.F("asked_by"))
                        ),
                        name="output_takes_two_people",
                    )
                ],
            },
        ),
        grants(
            "research_extract", web="SELECT", worker="SELECT, INSERT, UPDATE, DELETE"
        ),
        grants("research_output", web="SELECT, INSERT", worker="SELECT"),
        row_security("research_extract", MINE),
        row_security("research_output", f"({MINE} OR {MAY_GOVERN})"),
        migrations.RunSQL(
            [
                "GRANT UPDATE (state, decided_by, decided_at, decided_why)"
                " ON research_output TO web",
                "CREATE POLICY research_output_ask ON research_output FOR INSERT"
                " TO web WITH CHECK (state = 'asked' AND decided_by = ''"
                f" AND asked_by = {ME} AND {MINE})",
                "CREATE POLICY research_output_decide ON research_output FOR UPDATE"
                f" TO web USING (state = 'asked' AND {MAY_GOVERN})"
                " WITH CHECK (state IN ('released', 'refused')"
                f" AND decided_by = {ME} AND asked_by <> {ME} AND {MAY_GOVERN})",
            ],
            migrations.RunSQL.noop,
        ),
    ]
