import django.utils.timezone
from django.db import migrations, models
from django.db.models import Q

from governance.postgres import grants


class Migration(migrations.Migration):
    """Delivered files, kept sealed; statements that a roll-back has withdrawn."""

    dependencies = [("vault", "0007_sealed_grants")]

    operations = [
        migrations.AddField(
            model_name="sourcerecord",
            name="withdrawn",
            field=models.BooleanField(db_default=False),
        ),
        migrations.AddIndex(
            model_name="sourcerecord",
            index=models.Index(
                fields=["subject_key"],
                name="source_record_withdrawn",
                condition=Q(withdrawn=True),
            ),
        ),
        migrations.CreateModel(
            name="Delivery",
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
                ("feed", models.TextField()),
                ("file_name", models.TextField()),
                ("is_folder", models.BooleanField(default=False)),
                ("way", models.TextField()),
                ("by", models.TextField()),
                ("supplier", models.TextField(blank=True)),
                ("owner_id", models.IntegerField(null=True)),
                ("idempotency_key", models.TextField(blank=True)),
                ("mends", models.IntegerField(null=True)),
                (
                    "begun_at",
                    models.DateTimeField(default=django.utils.timezone.now),
                ),
                ("whole_at", models.DateTimeField(null=True)),
                ("pieces", models.IntegerField(default=0)),
                ("bytes_in", models.BigIntegerField(default=0)),
                ("bytes_kept", models.BigIntegerField(default=0)),
                ("sha256", models.TextField(blank=True)),
                ("sealed_key", models.BinaryField()),
                ("run_id", models.IntegerField(null=True)),
            ],
            options={
                "db_table": "delivery",
                "indexes": [models.Index(fields=["sha256"], name="delivery_sha256")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["owner_id", "idempotency_key"],
                        name="one_delivery_per_key",
                        condition=~Q(idempotency_key=""),
                    )
                ],
            },
        ),
        grants("delivery", vault="SELECT, INSERT, UPDATE, DELETE"),
    ]
