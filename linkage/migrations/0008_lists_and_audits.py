from django.db import migrations, models

from governance.postgres import VIEWER_ID, grants, row_security


WRITE = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    """Lists that people bring, as who was found; and the nightly check of the links.

    A list and its members are their owner's: policies, not selectors alone, say so.
    """

    dependencies = [("linkage", "0007_index_moves")]

    operations = [
        migrations.CreateModel(
            name="ImportedList",
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
                ("title", models.CharField(max_length=200)),
                ("owner_id", models.IntegerField()),
                ("org_code", models.CharField(max_length=12)),
                ("purpose", models.CharField(max_length=40)),
                ("made_on", models.DateField()),
                ("expires_on", models.DateField()),
                ("rows_in", models.IntegerField()),
                ("matched", models.IntegerField()),
                ("unmatched", models.IntegerField()),
                ("people", models.IntegerField()),
            ],
            options={"db_table": "imported_list"},
        ),
        migrations.CreateModel(
            name="LinkageAudit",
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
                ("made_at", models.DateTimeField(auto_now_add=True)),
                ("as_of", models.DateField()),
                ("index_version", models.IntegerField()),
                ("tried", models.IntegerField()),
                ("cells", models.JSONField(default=list)),
                ("sequences", models.JSONField(default=list)),
                ("unlinked", models.JSONField(default=list)),
            ],
            options={"db_table": "linkage_audit"},
        ),
        migrations.RunSQL(
            "CREATE TABLE imported_list_member (list_id bigint NOT NULL,"
            " person_no integer NOT NULL, PRIMARY KEY (list_id, person_no))",
            "DROP TABLE imported_list_member",
        ),
        grants("imported_list", web="SELECT", worker="SELECT", loader=WRITE),
        grants("imported_list_member", web="SELECT", worker="SELECT", loader=WRITE),
        grants("linkage_audit", web="SELECT", worker="SELECT", loader="SELECT, INSERT"),
        row_security("imported_list", f"owner_id = {VIEWER_ID}"),
        row_security(
            "imported_list_member", "list_id IN (SELECT l.id FROM imported_list l)"
        ),
    ]
