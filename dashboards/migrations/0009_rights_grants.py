from django.db import migrations

from governance.postgres import PRACTICES_IN_SCOPE, VIEWER_ID, grants, row_security

READ = "SELECT"
WRITE = "SELECT, INSERT, UPDATE, DELETE"
BY_PRACTICE = f"practice_code IN {PRACTICES_IN_SCOPE}"
MAY_GOVERN = (
    "EXISTS (SELECT 1 FROM governance_grant g"
    f" WHERE g.user_id = {VIEWER_ID}"
    " AND g.role IN ('ig_lead', 'caldicott_guardian')"
    " AND g.start_on <= current_date"
    " AND (g.end_on IS NULL OR g.end_on > current_date))"
)
EITHER = f"({BY_PRACTICE} OR {MAY_GOVERN})"


class Migration(migrations.Migration):
    """Whose a request is, and the record itself, are for the person's practice alone.

    Who governs sees that there is a request, of which practice and how far it is.
    """

    dependencies = [
        ("dashboards", "0008_rights"),
        ("governance", "0006_register_grants"),
    ]

    operations = [
        grants("rights_request", web="SELECT, INSERT, UPDATE", worker=WRITE),
        grants("rights_subject", web="SELECT, INSERT", worker=WRITE),
        grants("rights_step", web="SELECT, INSERT", worker=WRITE),
        grants("rights_pack", web=READ, worker=WRITE),
        row_security("rights_request", EITHER, web_writes=EITHER),
        row_security("rights_subject", BY_PRACTICE, web_writes=BY_PRACTICE),
        row_security("rights_step", EITHER, web_writes=EITHER),
        row_security("rights_pack", BY_PRACTICE),
    ]
