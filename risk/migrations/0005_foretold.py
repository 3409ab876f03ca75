from django.db import migrations, models

from governance.postgres import grants


class Migration(migrations.Migration):
    """What was foretold outlives its release; approvals hold for versions.

    `foretold` is for the worker alone, who holds it against what came, and for the
    vault's side, which erases people.
    """

    dependencies = [("risk", "0004_treatment_undone")]

    operations = [
        migrations.AddField(
            "trainedmodel", "approved_as", models.IntegerField(default=0)
        ),
        # Until now a yes held for every version of its definition.
        migrations.RunSQL(
            "UPDATE trained_model m SET approved_as = coalesce((SELECT"
            " max(a.model_version) FROM model_approval a WHERE a.name = m.name"
            " AND a.spec_hash = m.spec_hash AND a.model_version <= m.version), version)",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField("trainedmodel", "approved_as", models.IntegerField()),
        migrations.AddField(
            "trainedmodel",
            "waits_because",
            models.CharField(blank=True, default="", max_length=300),
        ),
        migrations.RemoveConstraint("modelapproval", "one_approval_each"),
        migrations.AddConstraint(
            "modelapproval",
            models.UniqueConstraint(
                fields=("name", "model_version", "user_id"), name="one_approval_each"
            ),
        ),
        migrations.RunSQL(
            "GRANT SELECT (approved_as, waits_because) ON trained_model TO web",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="ForetoldAt",
            fields=[
                ("as_of", models.DateField(primary_key=True, serialize=False)),
                ("release_id", models.IntegerField()),
                ("versions", models.JSONField()),
                ("told", models.JSONField()),
                ("traits", models.JSONField()),
            ],
            options={"db_table": "foretold_at"},
        ),
        migrations.RunSQL(
            [
                "CREATE TABLE foretold (as_of date NOT NULL, person_no integer NOT"
                " NULL, told real[] NOT NULL, traits text[] NOT NULL,"
                " PRIMARY KEY (as_of, person_no))",
                "CREATE INDEX foretold_person_idx ON foretold (person_no)",
            ],
            "DROP TABLE foretold",
        ),
        grants("foretold_at", worker="SELECT, INSERT, UPDATE, DELETE"),
        grants("foretold", worker="SELECT, INSERT, DELETE", loader="SELECT, DELETE"),
    ]
