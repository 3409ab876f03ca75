from django.db import migrations, models

from governance.postgres import grants

READ = "SELECT"

# What is hashed of a row, as text without ambiguity: numbers between bars, then each
# text behind its length. `governance.chain.line_of` writes the same in Python.
LINE = """
CREATE FUNCTION audit_line(shard int, seq bigint, at timestamptz, user_id int,
  persons int, event text, role text, purpose text, org_code text, subject text,
  outcome text, detail jsonb) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT concat_ws('|', shard, seq, (extract(epoch FROM at) * 1000000)::bigint,
                   coalesce(user_id::text, '-'), persons,
                   length(event) || ':' || event,
                   length(role) || ':' || role,
                   length(purpose) || ':' || purpose,
                   length(org_code) || ':' || org_code,
                   length(subject) || ':' || subject,
                   length(outcome) || ':' || outcome,
                   detail::text)
$$
"""
ARGUMENTS = (
    "int, bigint, timestamptz, int, int, text, text, text, text, text, text, jsonb"
)

# A chain as an aggregate: SHA-256(the digest before || the line), from a first digest.
LINK = """
CREATE FUNCTION audit_link(before bytea, first bytea, line text) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
  SELECT sha256(coalesce(before, first) || convert_to(line, 'UTF8'))
$$
"""
CHAIN = "CREATE AGGREGATE audit_chain(bytea, text) (SFUNC = audit_link, STYPE = bytea)"

# The one way in. Numbers and digests are given under a lock on the chain's head, by
# the owner of both tables: who may call it may add, and do nothing else. A connection
# keeps to one of the 16 chains, so that connections seldom wait for each other.
APPEND = """
CREATE FUNCTION audit_append(entries jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  head governance_audithead;
  moments timestamptz[];
  digests bytea[];
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
  SELECT array_agg(clock_timestamp()) INTO moments FROM jsonb_array_elements(entries);
  IF moments IS NULL THEN
    RETURN;
  END IF;
  SELECT array_agg(linked.digest ORDER BY linked.n) INTO digests FROM (
    SELECT x.n, audit_chain(head.digest, audit_line(
             head.shard, head.seq + x.n, x.at, x.user_id, x.persons, x.event, x.role,
             x.purpose, x.org_code, x.subject, x.outcome, x.detail
           )) OVER (ORDER BY x.n) AS digest
      FROM ROWS FROM (
             jsonb_to_recordset(entries) AS (event text, user_id int, role text,
               purpose text, org_code text, subject text, persons int, outcome text,
               detail jsonb),
             unnest(moments)
           ) WITH ORDINALITY AS x(event, user_id, role, purpose, org_code, subject,
                                  persons, outcome, detail, at, n)
  ) linked;
  INSERT INTO governance_auditevent
    (at, event, user_id, role, purpose, org_code, subject, persons, outcome, detail,
     shard, seq, digest)
  SELECT x.at, x.event, x.user_id, x.role, x.purpose, x.org_code, x.subject, x.persons,
         x.outcome, x.detail, head.shard, head.seq + x.n, x.digest
    FROM ROWS FROM (
           jsonb_to_recordset(entries) AS (event text, user_id int, role text,
             purpose text, org_code text, subject text, persons int, outcome text,
             detail jsonb),
           unnest(moments), unnest(digests)
         ) WITH ORDINALITY AS x(event, user_id, role, purpose, org_code, subject,
                                persons, outcome, detail, at, digest, n)
   ORDER BY x.n;
  UPDATE governance_audithead h
     SET seq = head.seq + cardinality(digests), digest = digests[cardinality(digests)]
   WHERE h.shard = head.shard;
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
    head := audit_link(NULL, head, audit_line(
      0, next_seq, old.at, old.user_id, old.persons, old.event, old.role, old.purpose,
      old.org_code, old.subject, old.outcome, old.detail));
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
        migrations.RunSQL(LINE, f"DROP FUNCTION audit_line({ARGUMENTS})"),
        migrations.RunSQL(LINK, "DROP FUNCTION audit_link(bytea, bytea, text)"),
        migrations.RunSQL(CHAIN, "DROP AGGREGATE audit_chain(bytea, text)"),
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
                f"REVOKE ALL ON FUNCTION audit_line({ARGUMENTS}) FROM PUBLIC",
                "REVOKE ALL ON FUNCTION audit_link(bytea, bytea, text) FROM PUBLIC",
                "REVOKE ALL ON FUNCTION audit_chain(bytea, text) FROM PUBLIC",
                "GRANT EXECUTE ON FUNCTION audit_append(jsonb) TO audit_writer",
            ],
            migrations.RunSQL.noop,
        ),
        grants("governance_audithead", web=READ, worker=READ, audit_reader=READ),
    ]
