"""What the web may write, table by table and column by column, and what writes it."""

import pytest

ALL = "every column"
# Table: (may add, may remove, columns that it may change), beside it what does so.
WRITES = {
    # governance/clients.py: a client's token for its signed statement
    "governance_apitoken": (True, False, ()),
    # governance/clients.py: a partner's own keys, added and ended
    "governance_clientkey": (True, False, ("ended_at",)),
    # governance/factors.py: one's own second factors
    "governance_secondfactor": (True, True, ("counter", "used_at")),
    # governance/lockout.py: wrong tries
    "governance_signintries": (True, True, ALL),
    # governance/clients.py: each statement once
    "governance_usedstatement": (True, False, ()),
    # Django's sign-in and sessions; governance/passwords.py: one's own, by a trigger
    "governance_user": (
        False,
        False,
        ("last_login", "password", "given_password_until"),
    ),
    "django_session": (True, True, ALL),
    # governance/registers/actions.py: two people
    "register_entry": (
        True,
        False,
        ("state", "decided_by", "decided_at", "decided_why"),
    ),
    # dashboards/actions/objections.py
    "local_objection": (True, False, ("withdrawn_at", "withdrawn_by")),
    # dashboards/actions/decisions.py, cards.py; risk/decisions.py
    "decision": (True, False, ()),
    "intervention": (True, False, ("state", "done_by", "done_on")),
    "treatment": (True, True, ()),
    "list_card": (
        True,
        False,
        (
            "version",
            "assigned_role",
            "assigned_to",
            "due_on",
            "attempts",
            "first_invited_on",
            "second_invited_on",
            "reached_on",
            "preference",
        ),
    ),
    "card_event": (True, False, ()),
    # dashboards/selectors/worklist.py: when a list was last opened
    "list_visit": (True, False, ("visited_at", "release_id", "before_release")),
    # dashboards/actions/teams.py
    "list_cover": (True, False, ("ended_at", "ended_by")),
    # dashboards/actions/teams.py, digest_proof.py
    "list_digest": (True, True, ("address", "how_often", "proof", "proved_at")),
    # dashboards/actions/rights.py, erasure.py
    "rights_request": (True, False, ("state", "stopped_on", "due_on")),
    "rights_subject": (True, False, ()),
    "rights_step": (True, False, ()),
    "rights_erasure": (True, False, ("state", "decided_by", "decided_at")),
    # dashboards/actions/access_review.py: written once
    "special_access_look": (True, False, ()),
    # dashboards/actions/research.py
    "research_output": (
        True,
        False,
        ("state", "decided_by", "decided_at", "decided_why"),
    ),
    # segmentation/cohorts/actions.py and released.py
    "cohort": (True, False, ("sharing", "every", "review_by", "retired_at")),
    "cohort_version": (True, False, ()),
    "code_search": (True, False, ()),
    "released_set": (True, False, ()),
    # linkage/codebook/actions.py: two people; the worker alone says what it would do
    "codelist_version": (True, False, ("state", "decided_by", "decided_at")),
    # risk/decisions.py
    "model_approval": (True, False, ()),
}


@pytest.fixture
def rights(as_role):
    """What the catalogue says: {table: (adds, removes, columns it may change)}."""
    rows = as_role("migrator").execute(
        "SELECT c.relname, has_any_column_privilege('web', c.oid, 'INSERT'),"
        " has_table_privilege('web', c.oid, 'DELETE, TRUNCATE'),"
        " has_table_privilege('web', c.oid, 'UPDATE'),"
        " coalesce((SELECT array_agg(a.attname ORDER BY a.attname) FROM pg_attribute a"
        "  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        "  AND has_column_privilege('web', c.oid, a.attname, 'UPDATE')), '{}')"
        " FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND c.relnamespace IN ('public'::regnamespace, 'staging'::regnamespace)"
    )
    return {
        name: (adds, removes, ALL if whole else tuple(columns))
        for name, adds, removes, whole, columns in rows
        if adds or removes or columns
    }


def test_the_web_writes_what_stands_here_and_nothing_else(rights):
    """A new right of the web is written down here with what uses it."""
    declared = {
        table: (adds, removes, ALL if columns == ALL else tuple(sorted(columns)))
        for table, (adds, removes, columns) in WRITES.items()
    }
    assert rights == declared


def test_the_web_may_run_no_function_of_the_products(as_role):
    """What a function does with its owner's rights is nothing that the web may do."""
    rows = as_role("migrator").execute(
        "SELECT p.proname FROM pg_proc p WHERE"
        " p.pronamespace IN ('public'::regnamespace, 'staging'::regnamespace)"
        " AND p.prorettype <> 'trigger'::regtype"
        " AND has_function_privilege('web', p.oid, 'EXECUTE')"
    )
    assert rows.fetchall() == []


def test_the_web_sets_no_counter_of_keys(as_role):
    rows = as_role("migrator").execute(
        "SELECT relname FROM pg_class WHERE relkind = 'S'"
        " AND has_table_privilege('web', oid, 'UPDATE')"
    )
    assert rows.fetchall() == []
