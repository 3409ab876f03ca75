from django.db import migrations

from governance.postgres import VIEWER_ID, grants, row_security

READ = "SELECT"
ADD = "SELECT, INSERT"
CHANGE = "SELECT, INSERT, UPDATE"
WRITE = "SELECT, INSERT, UPDATE, DELETE"

# A cohort is its owner's until they share it. What is shared with an organisation is
# seen by who holds the same role there today.
SAME_PLACE = (
    "EXISTS (SELECT 1 FROM governance_grant g WHERE g.org_id = org_code"
    f" AND g.role = cohort.role AND g.user_id = {VIEWER_ID}"
    " AND g.start_on <= current_date"
    " AND (g.end_on IS NULL OR g.end_on > current_date))"
)
MINE = f"owner_id = {VIEWER_ID}"
SEEN = f"{MINE} OR sharing = 'everyone' OR (sharing = 'organisation' AND {SAME_PLACE})"
OF_SEEN = "cohort_id IN (SELECT c.id FROM cohort c)"
OF_MINE = f"cohort_id IN (SELECT c.id FROM cohort c WHERE c.owner_id = {VIEWER_ID})"
OF_SEEN_VERSION = "version_id IN (SELECT v.id FROM cohort_version v)"


class Migration(migrations.Migration):
    """The web keeps cohorts for their owners; the worker alone writes who is in one."""

    dependencies = [("segmentation", "0001_cohorts"), ("governance", "0002_grants")]

    operations = [
        grants("cohort", web=CHANGE, worker=READ),
        grants("cohort_version", web=ADD, worker=READ),
        grants("cohort_size", web=READ, worker=WRITE),
        grants("code_search", web=ADD, worker=WRITE),
        grants("code_search_part", web=READ, worker=WRITE),
        row_security("cohort", SEEN, web_writes=MINE),
        row_security("cohort_version", OF_SEEN, web_writes=OF_MINE),
        row_security("cohort_size", OF_SEEN_VERSION),
    ]
