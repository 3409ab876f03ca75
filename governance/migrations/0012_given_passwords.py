from django.db import migrations, models

# Columns have no policies of their own, and signing in writes `last_login` before
# anybody is the viewer: so a trigger holds the web to its viewer's own password.
OWN = """
CREATE FUNCTION own_password() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.id IS DISTINCT FROM nullif(current_setting('app.viewer_id', true), '')::int
     OR NEW.given_password_until IS NOT NULL THEN
    RAISE insufficient_privilege
      USING MESSAGE = 'a password is for its owner to change, and then their own';
  END IF;
  RETURN NEW;
END
$$
"""


class Migration(migrations.Migration):
    """Passwords that somebody else chose last for days; one's own is one's to change."""

    dependencies = [("governance", "0011_one_call")]

    operations = [
        migrations.AddField(
            "user", "given_password_until", models.DateTimeField(null=True)
        ),
        migrations.RunSQL(OWN, "DROP FUNCTION own_password()"),
        migrations.RunSQL(
            [
                "REVOKE ALL ON FUNCTION own_password() FROM PUBLIC",
                "CREATE TRIGGER own_password BEFORE UPDATE OF password,"
                " given_password_until ON governance_user FOR EACH ROW"
                " WHEN (current_user = 'web') EXECUTE FUNCTION own_password()",
                "GRANT UPDATE (password, given_password_until) ON governance_user"
                " TO web",
            ],
            "DROP TRIGGER own_password ON governance_user",
        ),
    ]
