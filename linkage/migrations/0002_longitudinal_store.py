from django.conf import settings
from django.db import migrations

from governance.postgres import PRACTICES_IN_SCOPE, grants, row_security

READ = "SELECT"
WRITE = "SELECT, INSERT, UPDATE, DELETE"

# Hash partitions of one modulus: a shard is a partition is a task, and on many
# machines a Citus shard. Unique keys contain person_no, as partitioning demands.
TABLES = {
    "person": """
        person_no integer NOT NULL PRIMARY KEY,
        sex char(1), birth_month date, ethnicity char(1), ethnicity_source text,
        died_on date, practice_code text, lsoa_code text, in_care_home boolean,
        needs_interpreter boolean, language text, type1_opt_out_on date,
        national_opt_out boolean NOT NULL DEFAULT false""",
    "registration": """
        person_no integer NOT NULL, record_key bigint NOT NULL,
        subject_key bigint NOT NULL, practice_code text NOT NULL,
        start_on date NOT NULL, end_on date, end_reason text,
        run_id integer NOT NULL, PRIMARY KEY (person_no, record_key)""",
    "residence": """
        person_no integer NOT NULL, record_key bigint NOT NULL,
        subject_key bigint NOT NULL, lsoa_code text NOT NULL,
        in_care_home boolean NOT NULL DEFAULT false,
        start_on date NOT NULL, end_on date,
        run_id integer NOT NULL, PRIMARY KEY (person_no, record_key)""",
    "event": """
        person_no integer NOT NULL, record_key bigint NOT NULL,
        subject_key bigint NOT NULL, on_date date NOT NULL, recorded_on date,
        kind smallint NOT NULL, system smallint NOT NULL, code text NOT NULL,
        value real, unit text, feed_no smallint NOT NULL, run_id integer NOT NULL,
        PRIMARY KEY (person_no, record_key)""",
    "activity": """
        person_no integer NOT NULL, record_key bigint NOT NULL,
        subject_key bigint NOT NULL, setting smallint NOT NULL,
        kind smallint NOT NULL, start_on date NOT NULL, end_on date,
        recorded_on date, urgency smallint, provider_code text, specialty text,
        outcome text, reason_code text, cost_gbp real,
        feed_no smallint NOT NULL, run_id integer NOT NULL,
        PRIMARY KEY (person_no, record_key)""",
    "profile": """
        release_id integer NOT NULL, person_no integer NOT NULL,
        practice_code text, lsoa_code text, values real[] NOT NULL,
        PRIMARY KEY (person_no, release_id)""",
}


def tables() -> list[str]:
    statements = []
    for name, columns in TABLES.items():
        statements.append(f"CREATE TABLE {name} ({columns}) PARTITION BY HASH (person_no)")
        statements += [
            f"CREATE TABLE {name}_p{shard:02d} PARTITION OF {name}"
            f" FOR VALUES WITH (MODULUS {settings.SHARDS}, REMAINDER {shard})"
            for shard in range(settings.SHARDS)
        ]
    return statements


# A registered person is seen by their practice's viewers; a person's facts by those
# who see the person. The inner SELECT is itself under the policy of `person`.
BY_PRACTICE = f"practice_code IN {PRACTICES_IN_SCOPE}"
BY_PERSON = "person_no IN (SELECT p.person_no FROM person p)"


class Migration(migrations.Migration):
    """The longitudinal store: partitions, row-level security, grants.

    No role is granted anything on a partition: reading one directly would pass by
    the policies of its parent.
    """

    dependencies = [("linkage", "0001_initial"), ("governance", "0002_grants")]

    operations = [
        migrations.RunSQL(tables(), migrations.RunSQL.noop),
        grants("person", web=READ, worker=WRITE, loader=WRITE),
        grants("registration", worker=READ, loader=WRITE),
        grants("residence", worker=READ, loader=WRITE),
        grants("event", web=READ, worker=READ, loader=WRITE),
        grants("activity", web=READ, worker=READ, loader=WRITE),
        grants("profile", web=READ, worker=WRITE),
        row_security("person", BY_PRACTICE),
        row_security("registration", BY_PERSON),
        row_security("residence", BY_PERSON),
        row_security("event", BY_PERSON),
        row_security("activity", BY_PERSON),
        row_security("profile", BY_PRACTICE),
        grants("feed_run", web=READ, worker=READ, loader=WRITE),
        grants("rejected_row", web=READ, worker=READ, loader=WRITE),
        grants("release", web=READ, worker=WRITE, loader=READ),
        grants("release_pointer", web=READ, worker=WRITE, loader=READ),
        grants("stage_task", web=READ, worker=WRITE),
        grants("release_part", worker=WRITE),
        grants("attribute_bitmap", web=READ, worker=WRITE),
        grants("attribute_column", web=READ, worker=WRITE),
        # Staging tables, one per run, made and dropped by the loader itself: COPY
        # and ADBC refuse tables under row-level security.
        migrations.RunSQL(
            [
                "CREATE SCHEMA staging",
                "GRANT USAGE, CREATE ON SCHEMA staging TO loader, worker",
            ],
            migrations.RunSQL.noop,
        ),
    ]
