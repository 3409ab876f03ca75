from django.db import migrations

from governance.postgres import PRACTICES_IN_SCOPE, grants, row_security

READ = "SELECT"
WRITE = "SELECT, INSERT, UPDATE, DELETE"
BY_PRACTICE = f"practice_code IN {PRACTICES_IN_SCOPE}"


class Migration(migrations.Migration):
    """Cards and lots are the team's own; events are added and never changed."""

    dependencies = [("dashboards", "0004_cards_and_lots")]

    operations = [
        grants("list_card", web="SELECT, INSERT, UPDATE", worker=READ),
        grants("card_event", web="SELECT, INSERT", worker=READ),
        grants("list_allocation", web=READ, worker="SELECT, INSERT"),
        row_security("list_card", BY_PRACTICE, web_writes=BY_PRACTICE),
        row_security("card_event", BY_PRACTICE, web_writes=BY_PRACTICE),
        row_security("list_allocation", BY_PRACTICE),
    ]
