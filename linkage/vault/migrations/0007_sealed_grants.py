from django.db import migrations

from governance.postgres import grants

WRITE = "SELECT, INSERT, UPDATE, DELETE"
APPEND = "SELECT, INSERT"


class Migration(migrations.Migration):
    """What the vault's own process may do with what came with the sealed index."""

    dependencies = [("vault", "0006_sealed")]

    operations = [
        *(
            grants(table, vault=WRITE)
            for table in (
                "known_block",
                "search_key",
                "pending_move",
                "redirect",
                "review_pair",
                "relink",
                "relink_move",
                "break_glass",
            )
        ),
        # What a reviewer said is never changed, nor an epoch's beginning.
        grants("judgement", vault=APPEND),
        grants("pseudonym_epoch", vault=APPEND),
    ]
