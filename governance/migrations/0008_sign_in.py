import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from governance.postgres import VIEWER_ID, grants

OWN = f"user_id = {VIEWER_ID}"


class Migration(migrations.Migration):
    """Signing in with a second factor or single sign-on; partners' keys and tokens."""

    dependencies = [
        ('governance', "0007_audit_chain"),
    ]

    operations = [
        migrations.CreateModel(
            name='SignInTries',
            fields=[
                ('key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('last_at', models.DateTimeField()),
                ('locked_until', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='UsedStatement',
            fields=[
                ('digest', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('expires_at', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.AddField(
            model_name='apitoken',
            name='expires_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='org_code',
            field=models.CharField(blank=True, max_length=12),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='scopes',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='user',
            name='is_demo',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='user',
            name='single_sign_on',
            field=models.CharField(max_length=400, null=True, unique=True),
        ),
        migrations.CreateModel(
            name='ClientKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kid', models.CharField(max_length=64, unique=True)),
                ('jwk', models.JSONField()),
                ('name', models.CharField(max_length=60)),
                ('made_at', models.DateTimeField()),
                ('ends_on', models.DateField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='keys', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='SecondFactor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('app', 'Authenticator app'), ('passkey', 'Passkey'), ('recovery', 'Recovery code')], max_length=8)),
                ('name', models.CharField(max_length=60)),
                ('sealed', models.BinaryField()),
                ('counter', models.BigIntegerField(default=0)),
                ('made_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='factors', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['user', 'kind'], name='governance__user_id_25d2c4_idx')],
            },
        ),
        # Second factors: a viewer's own alone, also for whoever forgets to say whose.
        grants("governance_secondfactor", worker="SELECT, DELETE"),
        migrations.RunSQL(
            [
                "GRANT SELECT, INSERT, DELETE, UPDATE (counter, used_at)"
                " ON governance_secondfactor TO web",
                "ALTER TABLE governance_secondfactor ENABLE ROW LEVEL SECURITY",
                "ALTER TABLE governance_secondfactor FORCE ROW LEVEL SECURITY",
                "CREATE POLICY factor_own ON governance_secondfactor FOR ALL TO web"
                f" USING ({OWN}) WITH CHECK ({OWN})",
                "CREATE POLICY factor_worker ON governance_secondfactor FOR ALL"
                " TO worker USING (true)",
            ],
            migrations.RunSQL.noop,
        ),
        grants(
            "governance_signintries",
            web="SELECT, INSERT, UPDATE, DELETE",
            worker="SELECT, DELETE",
        ),
        grants("governance_usedstatement", web="SELECT, INSERT", worker="SELECT, DELETE"),
        # Keys: anyone's is looked up to check a statement; only one's own are written.
        grants("governance_clientkey", worker="SELECT, INSERT, UPDATE, DELETE"),
        migrations.RunSQL(
            [
                "GRANT SELECT, INSERT, UPDATE (ended_at) ON governance_clientkey"
                " TO web",
                "ALTER TABLE governance_clientkey ENABLE ROW LEVEL SECURITY",
                "ALTER TABLE governance_clientkey FORCE ROW LEVEL SECURITY",
                "CREATE POLICY key_read ON governance_clientkey FOR SELECT TO web"
                " USING (true)",
                "CREATE POLICY key_add ON governance_clientkey FOR INSERT TO web"
                f" WITH CHECK ({OWN})",
                "CREATE POLICY key_end ON governance_clientkey FOR UPDATE TO web"
                f" USING ({OWN}) WITH CHECK ({OWN})",
                "CREATE POLICY key_worker ON governance_clientkey FOR ALL TO worker"
                " USING (true) WITH CHECK (true)",
                "GRANT INSERT ON governance_apitoken TO web",
                # To forget what has ended, without what a session holds.
                "GRANT DELETE, SELECT (session_key, expire_date) ON django_session"
                " TO worker",
            ],
            migrations.RunSQL.noop,
        ),
    ]
