from django.db import migrations

from governance.postgres import PRACTICES_IN_SCOPE, grants, row_security

READ = "SELECT"
WRITE = "SELECT, INSERT, UPDATE, DELETE"
BY_PRACTICE = f"practice_code IN {PRACTICES_IN_SCOPE}"


class Migration(migrations.Migration):
    """Worklists are the team's own; decisions are added and never changed."""

    dependencies = [
        ("dashboards", "0001_initial"),
        ("governance", "0002_grants"),
        ("linkage", "0002_longitudinal_store"),
    ]

    operations = [
        grants("list_run", web=READ, worker=WRITE),
        grants("list_entry", web=READ, worker=WRITE),
        grants("decision", web="SELECT, INSERT", worker=READ),
        grants("intervention", web="SELECT, INSERT, UPDATE", worker=WRITE),
        grants("outcome", web=READ, worker=WRITE),
        grants("list_visit", web="SELECT, INSERT, UPDATE", worker=READ),
        row_security("list_entry", BY_PRACTICE),
        row_security("decision", BY_PRACTICE, web_writes=BY_PRACTICE),
        row_security("intervention", BY_PRACTICE, web_writes=BY_PRACTICE),
        row_security("outcome", BY_PRACTICE),
    ]
