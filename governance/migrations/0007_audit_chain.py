from django.db import migrations, models

from governance.postgres import grants

READ = "SELECT"

# What is hashed of a row, as text without ambiguity: numbers between bars, then each
# text behind its length. `governance.chain.line_of` writes the same in Python.
LINE = """
CREATE FUNCTION audit_line(e governance_auditevent) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT concat_ws('|', e.shard, e.seq,
                   (extract(epoch FROM e.at) * 1000000)::bigint,
                   coalesce(e.user_id::text, '-'), e.persons,
                   length(e.event) || ':' || e.event,
                   length(e.role) || ':' || e.role,
                   length(e.purpose) || ':' || e.purpose,
                   length(e.org_code) || ':' || e.org_code,
                   length(e.subject) || ':' || e.subject,
                   length(e.outcome) || ':' || e.outcome,
                   e.detail::text)
$$
"""

# The one way in. The number and the digest are given under a lock on the chain's
# head, by the owner of both tables: who may call it may add, and do nothing else.
# A connection keeps to one of the 16 chains, so that connections seldom wait.
APPEND = """
CREATE FUNCTION audit_append(entries jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  head governance_audithead;
  made governance_auditevent;
  one record;
BEGIN
  SELECT * INTO head FROM governance_audithead
   WHERE shard = pg_backend_pid() % 16 FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO governance_audithead (shard, seq, digest)
    VALUES (pg_backend_pid() % 16, 0, decode(repeat('00', 32), 'hex'))
    ON CONFLICT DO NOTHING;
    SELECT * INTO head FROM governance_audithead
     WHERE shard = pg_backend_pid() % 16 FOR UPDATE;
  END IF;
  FOR one IN
    SELECT * FROM jsonb_to_recordset(entries)
      AS x(event text, user_id int, role text, purpose text, org_code text,
           subject text, persons int, outcome text, detail jsonb)
  LOOP
    made.shard := head.shard;
    made.at := clock_timestamp();
    made.event := one.event;
    made.user_id := one.user_id;
    made.role := one.role;
    made.purpose := one.purpose;
    made.org_code := one.org_code;
    made.subject := one.subject;
    made.persons := one.persons;
    made.outcome := one.outcome;
    made.detail := one.detail;
    head.seq := head.seq + 1;
    made.seq := head.seq;
    head.digest := sha256(head.digest || convert_to(audit_line(made), 'UTF8'));
    made.digest := head.digest;
    INSERT INTO governance_auditevent
      (at, event, user_id, role, purpose, org_code, subject, persons, outcome,
       detail, shard, seq, digest)
    VALUES (made.at, made.event, made.user_id, made.role, made.purpose,
            made.org_code, made.subject, made.persons, made.outcome, made.detail,
            made.shard, made.seq, made.digest);
  END LOOP;
  UPDATE governance_audithead SET seq = head.seq, digest = head.digest
   WHERE shard = head.shard;
END
$$
"""

# Rows from before there were chains: all on the first, in the order they were written.
CHAIN_OLD = """
DO $$
DECLARE
  head bytea := decode(repeat('00', 32), 'hex');
  next_seq bigint := 0;
  old governance_auditevent;
BEGIN
  FOR old IN SELECT * FROM governance_auditevent ORDER BY id LOOP
    next_seq := next_seq + 1;
    old.shard := 0;
    old.seq := next_seq;
    head := sha256(head || convert_to(audit_line(old), 'UTF8'));
    UPDATE governance_auditevent SET shard = 0, seq = next_seq, digest = head
     WHERE id = old.id;
  END LOOP;
  IF next_seq > 0 THEN
    INSERT INTO governance_audithead (shard, seq, digest) VALUES (0, next_seq, head);
  END IF;
END
$$
"""


class Migration(migrations.Migration):
    """Chain the audit trail: a row cannot be altered, taken out or moved unseen."""

    dependencies = [("governance", "0006_register_grants")]

    operations = [
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                (
                    "shard",
                    models.SmallIntegerField(primary_key=True, serialize=False),
                ),
                ("seq", models.BigIntegerField()),
                ("digest", models.BinaryField()),
            ],
        ),
        migrations.AddField(
            "auditevent", "shard", models.SmallIntegerField(null=True)
        ),
        migrations.AddField("auditevent", "seq", models.BigIntegerField(null=True)),
        migrations.AddField("auditevent", "digest", models.BinaryField(null=True)),
        migrations.RunSQL(LINE, "DROP FUNCTION audit_line(governance_auditevent)"),
        migrations.RunSQL(
            [
                "ALTER TABLE governance_auditevent NO FORCE ROW LEVEL SECURITY",
                CHAIN_OLD,
                "ALTER TABLE governance_auditevent FORCE ROW LEVEL SECURITY",
            ],
            migrations.RunSQL.noop,
        ),
        migrations.AlterField("auditevent", "shard", models.SmallIntegerField()),
        migrations.AlterField("auditevent", "seq", models.BigIntegerField()),
        migrations.AlterField("auditevent", "digest", models.BinaryField()),
        migrations.AddConstraint(
            "auditevent",
            models.UniqueConstraint(fields=["shard", "seq"], name="one_link_of_chain"),
        ),
        migrations.RunSQL(APPEND, "DROP FUNCTION audit_append(jsonb)"),
        migrations.RunSQL(
            [
                "REVOKE INSERT ON governance_auditevent FROM audit_writer",
                "DROP POLICY audit_write ON governance_auditevent",
                # The policy holds for the function's owner too (FORCE).
                "CREATE POLICY audit_write ON governance_auditevent FOR INSERT"
                " TO migrator WITH CHECK (true)",
                "REVOKE ALL ON FUNCTION audit_append(jsonb) FROM PUBLIC",
                "REVOKE ALL ON FUNCTION audit_line(governance_auditevent) FROM PUBLIC",
                "GRANT EXECUTE ON FUNCTION audit_append(jsonb) TO audit_writer",
            ],
            migrations.RunSQL.noop,
        ),
        grants("governance_audithead", web=READ, worker=READ, audit_reader=READ),
    ]
