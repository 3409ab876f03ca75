from django.db import migrations, models

from governance.postgres import VIEWER_ID, grants, row_security

READ = "SELECT"
ME = f"(SELECT username FROM governance_user WHERE id = {VIEWER_ID})"
MAY_GOVERN = (
    "EXISTS (SELECT 1 FROM governance_grant g"
    f" WHERE g.user_id = {VIEWER_ID}"
    " AND g.role IN ('ig_lead', 'caldicott_guardian')"
    " AND g.start_on <= current_date"
    " AND (g.end_on IS NULL OR g.end_on > current_date))"
)
# What goes with a person. The vault zone removes it, and no other role can.
ROWS = ("profile", "list_entry", "list_card", "card_event", "list_allocation")
ROWS += ("decision", "intervention", "outcome", "person_risk", "treatment", "list_home")


class Migration(migrations.Migration):
    """Erasure takes two people: who proposes in the web cannot agree to it there.

    Nothing in `rights_erasure` says whose it is.
    """

    dependencies = [
        ("dashboards", "0012_delta_lists"),
        ("linkage", "0020_numbered"),
        ("risk", "0004_treatment_undone"),
    ]

    operations = [
        migrations.AlterField(
            model_name="rightsrequest",
            name="state",
            field=models.CharField(
                choices=[
                    ("received", "Received"),
                    ("compiled", "Record compiled, waiting for its two reviews"),
                    ("reviewed", "Reviewed, waiting for release"),
                    ("released", "Released"),
                    ("routed", "Sent to whoever wrote it"),
                    ("proposed", "Erasure proposed, waiting for a second person"),
                    ("agreed", "Erasure agreed, being carried out"),
                    ("closed", "Closed"),
                    ("refused", "Refused"),
                ],
                default="received",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="rightsstep",
            name="what",
            field=models.CharField(
                choices=[
                    ("opened", "Opened"),
                    ("stopped", "Clock stopped"),
                    ("started", "Clock started again"),
                    ("compiled", "Record compiled"),
                    ("harm", "Reviewed for serious harm"),
                    ("others", "Reviewed for what is about others"),
                    ("released", "Released"),
                    ("fetched", "Handed over"),
                    ("routed", "Sent to whoever wrote it"),
                    ("proposed", "Erasure proposed"),
                    ("agreed", "Erasure agreed"),
                    ("declined", "Erasure not agreed"),
                    ("erased", "Erased"),
                    ("closed", "Closed"),
                    ("refused", "Refused"),
                ],
                max_length=8,
            ),
        ),
        migrations.CreateModel(
            name="RightsErasure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("feeds", models.JSONField(default=list)),
                ("ground", models.CharField(max_length=40)),
                ("exemption", models.CharField(blank=True, max_length=40)),
                ("why", models.CharField(max_length=300)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "Proposed"),
                            ("agreed", "Agreed"),
                            ("declined", "Declined"),
                            ("done", "Done"),
                        ],
                        default="proposed",
                        max_length=8,
                    ),
                ),
                ("proposed_by", models.CharField(max_length=150)),
                ("proposed_at", models.DateTimeField()),
                ("decided_by", models.CharField(blank=True, max_length=150)),
                ("decided_at", models.DateTimeField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
                ("removed", models.JSONField(default=dict)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
                        related_name="erasures",
                        to="dashboards.rightsrequest",
                    ),
                ),
            ],
            options={
                "db_table": "rights_erasure",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["request"],
                        condition=~models.Q(state="declined"),
                        name="one_erasure_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(state="proposed", decided_at__isnull=True)
                        | (
                            ~models.Q(state="proposed")
                            & models.Q(decided_at__isnull=False)
                            & ~models.Q(decided_by="")
                            & ~models.Q(decided_by=models.F("proposed_by"))
                        ),
                        name="erasure_takes_two_people",
                    ),
                ],
            },
        ),
        grants("rights_erasure", web="SELECT, INSERT", worker=READ, loader=READ),
        row_security("rights_erasure", MAY_GOVERN),
        migrations.RunSQL(
            [
                "GRANT UPDATE (state, decided_by, decided_at) ON rights_erasure TO web",
                "GRANT UPDATE (state, done_at, removed) ON rights_erasure TO loader",
                "CREATE POLICY rights_erasure_propose ON rights_erasure FOR INSERT"
                " TO web WITH CHECK (state = 'proposed' AND decided_by = ''"
                f" AND proposed_by = {ME} AND {MAY_GOVERN})",
                "CREATE POLICY rights_erasure_decide ON rights_erasure FOR UPDATE"
                f" TO web USING (state = 'proposed' AND {MAY_GOVERN})"
                " WITH CHECK (state IN ('agreed', 'declined')"
                f" AND decided_by = {ME} AND proposed_by <> {ME} AND {MAY_GOVERN})",
                "GRANT SELECT, UPDATE (state) ON rights_request TO loader",
                "GRANT SELECT ON rights_subject TO loader",
                "GRANT SELECT, INSERT ON rights_step TO loader",
                "GRANT SELECT, DELETE ON rights_pack TO loader",
                *(f"GRANT SELECT, DELETE ON {table} TO loader" for table in ROWS),
            ],
            migrations.RunSQL.noop,
        ),
    ]
