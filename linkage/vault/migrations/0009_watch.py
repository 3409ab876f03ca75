from django.db import migrations, models

from governance.postgres import grants

WRITE = "SELECT, INSERT, DELETE"


class Migration(migrations.Migration):
    """Who must never be named, and who works here, as blind keys."""

    dependencies = [
        ('vault', '0008_deliveries'),
    ]

    operations = [
        migrations.CreateModel(
            name='StaffMember',
            fields=[
                ('user_id', models.IntegerField(primary_key=True, serialize=False)),
                ('number_key', models.BigIntegerField(db_index=True, null=True)),
                ('surname_key', models.BigIntegerField(null=True)),
                ('address_key', models.BigIntegerField(null=True)),
            ],
            options={
                'db_table': 'staff_member',
            },
        ),
        migrations.CreateModel(
            name='WithheldNumber',
            fields=[
                ('number_key', models.BigIntegerField(primary_key=True, serialize=False)),
            ],
            options={
                'db_table': 'withheld_number',
            },
        ),
        grants("withheld_number", vault=WRITE),
        grants("staff_member", vault=WRITE),
    ]
