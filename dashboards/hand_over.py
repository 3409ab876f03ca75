"""The web's part in a delivery: pieces go to the vault as they come, and stay nowhere.

At no time does this process hold more than one piece; what it learns back is how far
the delivery has come and which run it made.
"""

from collections.abc import Iterable
from typing import Any

from governance.access import Viewer
from linkage.reveal import RevealRefusedError, VaultUnavailableError, ask, tell

__all__ = ["RevealRefusedError", "VaultUnavailableError", "begin", "finish", "piece"]
PIECE_BYTES = 1 << 20


def begin(viewer: Viewer, **told: Any) -> dict[str, Any]:
    """Begin a delivery or find where to go on: id, feed, offset, sha256, run_id.

    told: file_name, size, way; feed, supplier, key and mends where they are known.
    """
    return ask(viewer, "delivery_begin", **told)


def piece(viewer: Viewer, delivery_id: int, offset: int, content: bytes) -> int:
    """Hand one piece over; returns the byte at which the next begins."""
    told = tell(
        viewer, "delivery_piece", content=content, id=delivery_id, offset=offset
    )
    return int(told["offset"])


def finish(viewer: Viewer, delivery_id: int, sha256: str = "") -> dict[str, Any]:
    """Say that the whole has been handed over: run_id, state, sha256."""
    return ask(viewer, "delivery_finish", id=delivery_id, stated=sha256)


def hand_over(
    viewer: Viewer, begun: dict[str, Any], content: Iterable[bytes]
) -> dict[str, Any]:
    """Hand a whole file over, which was begun before; as `finish`."""
    offset = int(begun["offset"])
    for each in content:
        offset = piece(viewer, begun["id"], offset, each)
    return finish(viewer, begun["id"])
