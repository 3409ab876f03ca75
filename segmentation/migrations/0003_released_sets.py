from django.db import migrations, models

from governance.postgres import grants

ADD = "SELECT, INSERT"
WRITE = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    """Sets whose protected figures were shown: one ledger for all users.

    Like the bitmaps of a release it holds no viewer's scope, so it has no policy by
    viewer; no page shows a row of it. The web adds and compares, the worker forgets.
    """

    dependencies = [("segmentation", "0002_grants")]

    operations = [
        migrations.CreateModel(
            name="ReleasedSet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("release_id", models.IntegerField()),
                ("size", models.IntegerField()),
                ("people", models.BinaryField()),
                ("tolerance", models.SmallIntegerField()),
                ("asked_by", models.IntegerField()),
                ("asked_at", models.DateTimeField(auto_now_add=True)),
                ("is_answer", models.BooleanField()),
            ],
            options={
                "db_table": "released_set",
                "indexes": [
                    models.Index(fields=["size"], name="released_set_size_idx"),
                    models.Index(fields=["asked_by", "asked_at"], name="released_set_asker_idx"),
                ],
            },
        ),
        grants("released_set", web=ADD, worker=WRITE),
    ]
