from django.db import migrations, models

from governance.postgres import grants


class Migration(migrations.Migration):
    """Blind keys of what is never taken in again: added and lifted, never changed."""

    dependencies = [("vault", "0013_no_shared_local_key")]

    operations = [
        migrations.CreateModel(
            name="ErasedKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("key", models.BigIntegerField()),
                ("feed_no", models.SmallIntegerField(null=True)),
                ("erasure", models.IntegerField()),
            ],
            options={
                "db_table": "erased_key",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["key", "feed_no", "erasure"],
                        name="one_erased_key",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.AlterField(
            model_name="indexevent",
            name="kind",
            field=models.TextField(
                choices=[
                    ("create", "Create"),
                    ("attach", "Attach"),
                    ("merge", "Merge"),
                    ("split", "Split"),
                    ("redirect", "Redirect"),
                    ("erase", "Erase"),
                ]
            ),
        ),
        grants("erased_key", vault="SELECT, INSERT, DELETE"),
    ]
