import django.db.models.deletion
from django.db import migrations, models

from governance.postgres import grants

READ = "SELECT"
PROPOSE = "SELECT, INSERT, UPDATE"
WRITE = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    """Codelists that change: versions, their effects, and the codes in our data.

    The web proposes and decides; only the worker, which sees everybody, works out an
    effect. The vault's process reads, because a register is evaluated there.
    """

    dependencies = [("linkage", "0009_seen_by")]

    operations = [
        migrations.CreateModel(
            name="CodelistVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("version", models.IntegerField()),
                ("state", models.CharField(choices=[("proposed", "Proposed"), ("accepted", "Accepted"), ("declined", "Declined"), ("superseded", "Superseded")], max_length=10)),
                ("title", models.CharField(max_length=200)),
                ("system", models.CharField(max_length=10)),
                ("match", models.CharField(max_length=6)),
                ("source", models.TextField()),
                ("why", models.TextField(blank=True)),
                ("codes", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("proposed_by", models.CharField(max_length=150)),
                ("proposed_at", models.DateTimeField(auto_now_add=True)),
                ("measured_on", models.DateField(null=True)),
                ("decided_by", models.CharField(blank=True, max_length=150)),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "codelist_version",
                "constraints": [
                    models.UniqueConstraint(fields=("name", "version"), name="one_codelist_version"),
                    models.UniqueConstraint(condition=models.Q(("state", "accepted")), fields=("name",), name="one_codelist_in_force"),
                ],
            },
        ),
        migrations.CreateModel(
            name="CodelistEffect",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("feature", models.CharField(max_length=80)),
                ("way", models.CharField(max_length=8)),
                ("people", models.BinaryField()),
                ("before", models.BinaryField()),
                ("version", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="effects", to="linkage.codelistversion")),
            ],
            options={
                "db_table": "codelist_effect",
                "constraints": [models.UniqueConstraint(fields=("version", "feature", "way"), name="one_codelist_effect")],
            },
        ),
        migrations.CreateModel(
            name="CodeSeen",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("shard", models.SmallIntegerField()),
                ("system", models.SmallIntegerField()),
                ("code", models.CharField(max_length=20)),
                ("events", models.BigIntegerField()),
            ],
            options={
                "db_table": "code_seen",
                "constraints": [models.UniqueConstraint(fields=("shard", "system", "code"), name="one_code_seen")],
            },
        ),
        grants("codelist_version", web=PROPOSE, worker=WRITE, loader=READ),
        grants("codelist_effect", web=READ, worker=WRITE),
        grants("code_seen", web=READ, worker=WRITE),
        migrations.RunSQL(
            [
                f"GRANT USAGE, SELECT ON SEQUENCE {table}_id_seq TO {role}"
                for table, roles in (
                    ("codelist_version", ("web", "worker")),
                    ("codelist_effect", ("worker",)),
                    ("code_seen", ("worker",)),
                )
                for role in roles
            ],
            migrations.RunSQL.noop,
        ),
    ]
