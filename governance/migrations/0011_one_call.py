from django.db import migrations

# As in migration 0007, row by row instead of a window over all, which costs a single
# row less; and with each row's set of people, so that neither stands without the other.
APPEND = """
CREATE OR REPLACE FUNCTION audit_append(entries jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  head governance_audithead;
  x record;
  moment timestamptz;
BEGIN
  SELECT * INTO head FROM governance_audithead h
   WHERE h.shard = pg_backend_pid() % 16 FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO governance_audithead (shard, seq, digest)
    VALUES (pg_backend_pid() % 16, 0, decode(repeat('00', 32), 'hex'))
    ON CONFLICT DO NOTHING;
    SELECT * INTO head FROM governance_audithead h
     WHERE h.shard = pg_backend_pid() % 16 FOR UPDATE;
  END IF;
  FOR x IN
    SELECT * FROM jsonb_to_recordset(entries) AS (event text, user_id int, role text,
      purpose text, org_code text, subject text, persons int, outcome text,
      detail jsonb, seen text)
  LOOP
    moment := clock_timestamp();
    head.seq := head.seq + 1;
    head.digest := audit_link(NULL, head.digest, audit_line(
      head.shard, head.seq, moment, x.user_id, x.persons, x.event, x.role, x.purpose,
      x.org_code, x.subject, x.outcome, x.detail));
    INSERT INTO governance_auditevent
      (at, event, user_id, role, purpose, org_code, subject, persons, outcome, detail,
       shard, seq, digest)
    VALUES (moment, x.event, x.user_id, x.role, x.purpose, x.org_code, x.subject,
            x.persons, x.outcome, x.detail, head.shard, head.seq, head.digest);
    IF x.seen IS NOT NULL THEN
      INSERT INTO seen_people
        (at, event, user_id, role, purpose, org_code, subject, people)
      VALUES (moment, x.event, x.user_id, x.role, x.purpose, x.org_code, x.subject,
              decode(x.seen, 'base64'));
    END IF;
  END LOOP;
  UPDATE governance_audithead h SET seq = head.seq, digest = head.digest
   WHERE h.shard = head.shard;
END
$$
"""


class Migration(migrations.Migration):
    """Whom a page showed goes into the trail's one call; the writer adds no set alone."""

    dependencies = [("governance", "0010_seen_digests")]

    operations = [
        migrations.RunSQL(
            [
                APPEND,
                "REVOKE INSERT ON seen_people FROM audit_writer",
                "DROP POLICY seen_write ON seen_people",
                # The policy holds for the function's owner too (FORCE).
                "CREATE POLICY seen_write ON seen_people FOR INSERT TO migrator"
                " WITH CHECK (true)",
            ],
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            "DROP AGGREGATE audit_chain(bytea, text)",
            "CREATE AGGREGATE audit_chain(bytea, text)"
            " (SFUNC = audit_link, STYPE = bytea)",
        ),
    ]
