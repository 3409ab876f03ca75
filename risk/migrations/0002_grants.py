from django.db import migrations

from governance.postgres import grants


class Migration(migrations.Migration):
    dependencies = [("risk", "0001_initial"), ("governance", "0002_grants")]

    operations = [
        grants("trained_model", worker="SELECT, INSERT, UPDATE, DELETE"),
        # The model card is for readers; the model itself stays with the worker.
        migrations.RunSQL(
            "GRANT SELECT (id, name, version, trained_at, index_on, horizon_days,"
            " people, outcomes, seed, spec_hash, features, definitions, calibration,"
            " performance, in_use) ON trained_model TO web",
            migrations.RunSQL.noop,
        ),
    ]
