from django.db import migrations

from governance.postgres import grants


class Migration(migrations.Migration):
    """What the vault has told the store of records that changed person.

    Written by the loader. Decisions and outcomes go along with a merged person: the
    loader may change whose they are, and nothing else of them.
    """

    dependencies = [
        ("linkage", "0006_run_keys"),
        ("dashboards", "0003_visit_before"),
    ]

    operations = [
        migrations.RunSQL(
            [
                "CREATE TABLE index_move (version integer NOT NULL,"
                " subject_key bigint NOT NULL, from_no integer NOT NULL,"
                " to_no integer NOT NULL, PRIMARY KEY (version, subject_key))",
                "CREATE INDEX index_move_subject ON index_move (subject_key)",
                "CREATE TABLE moved_row (version integer NOT NULL,"
                " table_name text NOT NULL, row_id bigint NOT NULL,"
                " from_no integer NOT NULL, to_no integer NOT NULL,"
                " PRIMARY KEY (version, table_name, row_id))",
            ],
            [
                "DROP TABLE index_move",
                "DROP TABLE moved_row",
            ],
        ),
        grants("index_move", loader="SELECT, INSERT", worker="SELECT"),
        grants("moved_row", loader="SELECT, INSERT, DELETE"),
        migrations.RunSQL(
            [
                f"GRANT SELECT, UPDATE (person_no) ON {table} TO loader"
                for table in ("decision", "intervention", "outcome")
            ],
            migrations.RunSQL.noop,
        ),
    ]
