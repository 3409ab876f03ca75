"""A statement to the vault is believed once, for a minute, from its own signer."""

import pytest

from linkage.assertions import (
    LIFETIME_SECONDS,
    Asked,
    RefusedAssertionError,
    RevealRequest,
    Verifier,
    sign,
)

KEY = "k" * 40
REQUEST = RevealRequest(
    viewer_id=3,
    role="pcn_mdt_member",
    purpose="direct_care",
    org_code="U90001",
    programme="proactive_care",
    reason="mdt_review",
    person_nos=(5, 9),
)


def test_a_fresh_statement_is_believed_once():
    verifier = Verifier(KEY)
    statement = sign(REQUEST, KEY, now=1000)
    assert verifier.verify(statement, now=1001) == REQUEST
    with pytest.raises(RefusedAssertionError, match="used before"):
        verifier.verify(statement, now=1002)


@pytest.mark.parametrize("seconds", [LIFETIME_SECONDS + 1, -6])
def test_a_stale_or_future_statement_is_refused(seconds):
    statement = sign(REQUEST, KEY, now=1000)
    with pytest.raises(RefusedAssertionError, match="too old"):
        Verifier(KEY).verify(statement, now=1000 + seconds)


def test_a_changed_statement_is_refused():
    statement = sign(REQUEST, KEY, now=1000).replace(b"[5, 9]", b"[5, 8]")
    with pytest.raises(RefusedAssertionError, match="signature"):
        Verifier(KEY).verify(statement, now=1000)


def test_another_key_is_refused():
    with pytest.raises(RefusedAssertionError, match="signature"):
        Verifier(KEY).verify(sign(REQUEST, "x" * 40, now=1000), now=1000)


def test_a_vault_without_a_key_starts_no_verifier():
    with pytest.raises(RefusedAssertionError, match="key"):
        Verifier("")


ASKED = Asked(
    viewer_id=3,
    role="linkage_reviewer",
    purpose="operations",
    org_code="QZ1",
    what="review_pair",
    arguments={"id": 7},
)


def test_what_is_asked_is_believed_once_as_well():
    verifier = Verifier(KEY)
    statement = sign(ASKED, KEY, now=1000)
    assert verifier.verify_asked(statement, now=1001) == ASKED
    with pytest.raises(RefusedAssertionError, match="used before"):
        verifier.verify_asked(statement, now=1002)


def test_a_statement_of_one_kind_is_not_taken_for_the_other():
    """What was signed to list a queue must not name people, nor the other way."""
    with pytest.raises(RefusedAssertionError, match="something else"):
        Verifier(KEY).verify(sign(ASKED, KEY, now=1000), now=1000)
    with pytest.raises(RefusedAssertionError, match="something else"):
        Verifier(KEY).verify_asked(sign(REQUEST, KEY, now=1000), now=1000)
