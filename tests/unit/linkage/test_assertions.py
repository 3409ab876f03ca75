"""A statement to the vault is believed once, for a minute, from its own signer."""

import pytest

from linkage.assertions import (
    LIFETIME_SECONDS,
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
