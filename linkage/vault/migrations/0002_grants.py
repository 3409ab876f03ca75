from django.db import migrations

from governance.postgres import grants

WRITE = "SELECT, INSERT, UPDATE, DELETE"
# What was decided and who was named is never changed, not even by the vault itself.
APPEND = "SELECT, INSERT"


class Migration(migrations.Migration):
    """What the vault's own process may do with its tables."""

    dependencies = [("vault", "0001_person_index")]

    operations = [
        grants("django_migrations", vault="SELECT"),
        grants("index_version", vault=APPEND),
        grants("person", vault=APPEND),
        grants("source_record", vault=WRITE),
        grants("link", vault=WRITE),
        grants("index_event", vault=APPEND),
        grants("reveal_event", vault=APPEND),
        *(
            grants(table, vault=WRITE)
            for table in (
                "local_ref",
                "person_identity",
                "registration",
                "current_registration",
                "national_opt_out",
                "type1_statement",
                "crosswalk",
                "quarantine",
                "postcode_area",
                "pending_person",
            )
        ),
    ]
