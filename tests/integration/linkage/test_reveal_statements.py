"""The vault's service believes a signed statement of this minute, once."""

import hmac
import json
import threading
import time

import pytest

from linkage.assertions import LIFETIME_SECONDS, RevealRequest, sign
from linkage.vault.service import views
from tests.live_vault import KEY


def test_a_forged_statement_gets_nothing(live, asked, written):
    for statement in (
        sign(asked(), "another key of at least thirty-two letters"),
        sign(asked(), KEY).replace(b"population_health", b"direct_care"),
        sign(asked(), KEY)[:-1],
        b"",
        b"." + sign(asked(), KEY).partition(b".")[2],
        b"\xff\xfe",
    ):
        response = live.vault.send(statement)
        assert response.status_code == 401
        assert "9990" not in response.text
    assert [row["outcome"] for row in written()] == ["forged"] * 6
    assert {row["viewer_id"] for row in written()} == {None}


def test_a_signed_statement_of_another_shape_gets_nothing(live, written):
    """The right key, and a body that is no request."""
    text = json.dumps({"issued_at": int(time.time()), "number": "1" * 32}).encode()
    for body in (
        text,
        b"[]",
        b'"x"',
        b"not json",
        text.replace(b'"1', b'{"a": "1').replace(b"}", b"}}"),
        b'{"issued_at": "soon", "number": "2", "person_nos": []}',
        b'{"issued_at": 1, "number": 3}',
    ):
        mac = hmac.new(KEY.encode(), body, "sha256").hexdigest().encode()
        assert live.vault.send(mac + b"." + body).status_code == 401
    assert {row["outcome"] for row in written()} == {"forged"}
    assert len(written()) == 7


@pytest.mark.parametrize("age", [-60, LIFETIME_SECONDS + 2, 86_400])
def test_a_statement_of_another_moment_gets_nothing(live, asked, age):
    response = live.vault.state(asked(), now=time.time() - age)
    assert response.status_code == 401
    assert response.json() == {"refused": "the statement is too old"}


def test_a_statement_is_good_once(live, asked, written):
    statement = sign(asked(), KEY)
    assert live.vault.send(statement).status_code == 200
    again = live.vault.send(statement)
    assert again.status_code == 401
    assert again.json() == {"refused": "the statement was used before"}
    assert [row["outcome"] for row in written()] == ["revealed", "forged"]


def test_a_statement_is_good_once_also_when_two_arrive_together(asked):
    statements = [sign(asked(), KEY) for _ in range(50)]
    taken: list[RevealRequest] = []
    start = threading.Barrier(4, timeout=20)

    def send() -> None:
        start.wait()
        for statement in statements:
            try:
                taken.append(views.verifier().verify(statement))
            except ValueError:
                continue

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(taken) == len(statements)


def test_a_statement_too_large_is_not_read(live, asked):
    response = live.vault.state(asked(person_nos=tuple(range(20_000))))
    assert response.status_code == 413


def test_the_service_has_two_addresses_and_takes_no_other_method(live):
    with live.vault.client() as client:
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get("/reveal").status_code == 405
        assert client.post("/health").status_code == 405
        for address in ("/", "/lists/", "/sign-in/", "/api/v1/", "/reveal/5001"):
            assert client.get(address).status_code == 404
