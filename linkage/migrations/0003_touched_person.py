from django.db import migrations

from governance.postgres import grants


class Migration(migrations.Migration):
    """Whom each load touched, so that a delta refresh recomputes only them.

    Written by the loader, read by the worker; the web has no business with it.
    """

    dependencies = [("linkage", "0002_longitudinal_store")]

    operations = [
        migrations.RunSQL(
            [
                "CREATE TABLE touched_person (run_id integer NOT NULL,"
                " person_no integer NOT NULL, PRIMARY KEY (run_id, person_no))",
            ],
            migrations.RunSQL.noop,
        ),
        grants("touched_person", worker="SELECT", loader="SELECT, INSERT, DELETE"),
    ]
