from django.db import migrations, models

from governance.postgres import grants

READ = "SELECT"
WRITE = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    """Reference data: ONS codes of organisations, and who may load it.

    The vault-zone process loads reference data, because postcodes go to the vault;
    to the store it speaks as the loader. Changed organisations change scopes, so it
    works those out anew.
    """

    dependencies = [("governance", "0002_grants")]

    operations = [
        migrations.AddField(
            model_name="org",
            name="ons_code",
            field=models.CharField(blank=True, default="", max_length=9),
            preserve_default=False,
        ),
        *[
            grants(f"governance_{table}", web=READ, worker=WRITE, loader=WRITE)
            for table in ("org", "orglink", "area", "arealink", "scope")
        ],
        migrations.RunSQL(
            [
                f"GRANT USAGE, SELECT ON SEQUENCE governance_{table}_id_seq TO {role}"
                for table in ("orglink", "arealink", "scope")
                for role in ("worker", "loader")
            ],
            migrations.RunSQL.noop,
        ),
    ]
