"""Heads of the audit chains kept elsewhere: in a file, or at an address."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from governance import anchors

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
HEADS = {2: (5, b"\x01" * 32), 0: (9, b"\x02" * 32)}


class Keeper(BaseHTTPRequestHandler):
    """Keeps each line it is sent, and gives all of them back."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.kept += self.rfile.read(length)  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.kept)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Keeper) as server:
        server.kept = b""  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["file", "address"])
def sink(request, settings, tmp_path) -> None:
    settings.AUDIT_ANCHORS = f"file://{tmp_path}/new/anchors.jsonl"
    if request.param == "address":
        settings.AUDIT_ANCHORS = request.getfixturevalue("address")


def test_what_is_kept_is_read_again(sink):
    assert anchors.lines() == []
    assert anchors.keep(HEADS, NOW) == anchors.lines()[0]
    anchors.keep({2: (6, b"\x03" * 32)}, NOW)
    wanted, wrong = anchors.read(anchors.lines())
    assert wanted == {
        (0, 9): b"\x02" * 32,
        (2, 5): b"\x01" * 32,
        (2, 6): b"\x03" * 32,
    }
    assert wrong == []


def test_a_line_altered_or_taken_out_is_found(sink):
    for seq in range(1, 6):
        anchors.keep({2: (seq, bytes([seq]) * 32)}, NOW)
    kept = anchors.lines()
    altered = [*kept[:1], kept[1].replace("02" * 32, "09" * 32), *kept[2:]]
    assert anchors.read(altered)[1] == [
        "anchor 3 does not follow from the one before it"
    ]
    assert len(anchors.read(kept[:2] + kept[3:])[1]) == 1
    assert anchors.read([*kept, "no line of ours"])[1] == [
        "anchor 6 does not follow from the one before it"
    ]


def test_an_address_that_does_not_answer_is_named(settings):
    settings.AUDIT_ANCHORS = "http://127.0.0.1:9/anchors"
    with pytest.raises(anchors.AnchorError, match="127.0.0.1:9"):
        anchors.keep(HEADS, NOW)
