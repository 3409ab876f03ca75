from django.db import migrations, models

from governance.postgres import PRACTICES_IN_SCOPE, grants, row_security

BY_PRACTICE = f"practice_code IN {PRACTICES_IN_SCOPE}"
READ, WRITE = "SELECT", "SELECT, INSERT, UPDATE, DELETE"
KEY = models.BigAutoField(
    auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
)


class Migration(migrations.Migration):
    dependencies = [("risk", "0002_grants"), ("governance", "0002_grants")]

    operations = [
        migrations.AddField(
            "trainedmodel",
            "stopped_because",
            models.CharField(blank=True, default="", max_length=300),
        ),
        migrations.AddField(
            "trainedmodel", "stopped_at", models.DateTimeField(null=True)
        ),
        migrations.CreateModel(
            name="ModelApproval",
            fields=[
                ("id", KEY),
                ("name", models.CharField(max_length=60)),
                ("spec_hash", models.CharField(max_length=64)),
                ("model_version", models.IntegerField()),
                ("user_id", models.IntegerField()),
                ("full_name", models.CharField(max_length=120)),
                ("role", models.CharField(max_length=40)),
                ("note", models.CharField(blank=True, max_length=500)),
                ("approved_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "db_table": "model_approval",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("name", "spec_hash", "user_id"),
                        name="one_approval_each",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ModelWatch",
            fields=[
                ("id", KEY),
                ("release_id", models.IntegerField()),
                ("name", models.CharField(max_length=60)),
                ("model_version", models.IntegerField()),
                ("figures", models.JSONField()),
                ("alerts", models.JSONField(default=list)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "db_table": "model_watch",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("release_id", "name"), name="one_watch_per_release"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PersonRisk",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "release_id",
                        "name",
                        "person_no",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("release_id", models.IntegerField()),
                ("name", models.CharField(max_length=60)),
                ("person_no", models.IntegerField()),
                ("practice_code", models.CharField(max_length=12, null=True)),
                ("value", models.FloatField()),
                ("band", models.CharField(max_length=40)),
                ("reasons", models.JSONField()),
            ],
            options={
                "db_table": "person_risk",
                "indexes": [
                    models.Index(
                        fields=["person_no", "name"], name="person_risk_person_idx"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Treatment",
            fields=[
                ("id", KEY),
                ("person_no", models.IntegerField()),
                ("practice_code", models.CharField(max_length=12)),
                ("programme", models.CharField(max_length=60)),
                ("from_on", models.DateField()),
            ],
            options={
                "db_table": "treatment",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("person_no", "programme", "from_on"),
                        name="one_treatment",
                    )
                ],
            },
        ),
        migrations.RunSQL(
            "GRANT SELECT (stopped_because, stopped_at) ON trained_model TO web",
            migrations.RunSQL.noop,
        ),
        # Approvals are added by people and never changed, by anybody.
        grants("model_approval", web="SELECT, INSERT", worker="SELECT, INSERT"),
        migrations.RunSQL(
            "GRANT USAGE ON SEQUENCE model_approval_id_seq, treatment_id_seq TO web",
            migrations.RunSQL.noop,
        ),
        grants("model_watch", web=READ, worker=WRITE),
        grants("person_risk", web=READ, worker=WRITE),
        row_security("person_risk", BY_PRACTICE),
        grants("treatment", web="SELECT, INSERT", worker=WRITE),
        row_security("treatment", BY_PRACTICE, web_writes=BY_PRACTICE),
    ]
