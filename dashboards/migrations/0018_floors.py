from django.db import migrations

from governance.postgres import purpose_floor

# What a team writes, and what is kept of one person beside the facts.
TABLES = ("list_card", "card_event", "decision", "intervention", "treatment")
TABLES += ("local_objection", "rights_subject")
READ_ONLY = ("outcome", "list_allocation", "list_home", "rights_pack")
READ_ONLY += ("imported_list_member",)


class Migration(migrations.Migration):
    """No row of a person is shown or written by the web for another purpose."""

    dependencies = [
        ("dashboards", "0017_erasure_by_others"),
        ("governance", "0006_register_grants"),
        ("linkage", "0008_lists_and_audits"),
        ("risk", "0004_treatment_undone"),
    ]

    operations = [
        *(purpose_floor(table, command="ALL") for table in TABLES),
        *(purpose_floor(table) for table in READ_ONLY),
    ]
