from django.db import migrations

from governance.postgres import grants

WRITE = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    """The vault may search identities; those it holds already become searchable."""

    dependencies = [("vault", "0004_search")]

    operations = [
        grants("known_identity", vault=WRITE),
        grants("shared_local_key", vault=WRITE),
        migrations.RunSQL(
            "INSERT INTO known_identity (person_no, identity_key, nhs_number, born_on,"
            " sex, surname, forename, postcode) SELECT DISTINCT ON (l.person_no, k.key)"
            " l.person_no, k.key, i.number, s.born_on, s.sex, i.surname, i.forename,"
            " s.postcode FROM link l JOIN source_record s USING (subject_key),"
            " LATERAL (SELECT CASE WHEN s.number_agreed THEN s.nhs_number END AS number,"
            "  regexp_replace(upper(s.surname), '[^A-Z]', '', 'g') AS surname,"
            "  regexp_replace(split_part(upper(s.forename), ' ', 1), '[^A-Z]', '', 'g')"
            "  AS forename) i, LATERAL (SELECT hashtextextended(concat_ws('|',"
            "  coalesce(i.number, '-'), coalesce(s.born_on::text, '-'),"
            "  coalesce(s.sex, '-'), coalesce(i.surname, '-'),"
            "  coalesce(i.forename, '-'), coalesce(s.postcode, '-')), 0) AS key) k"
            " WHERE l.to_version IS NULL",
            migrations.RunSQL.noop,
        ),
    ]
