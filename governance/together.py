"""Writing of many threads that costs as much as writing of one.

A call that must be on disk before it returns waits for the disk, whether it holds one
row or fifty. Whoever comes while a call is under way waits for its end, and then one
of those who wait takes the rows of all of them along.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

logger = logging.getLogger("catchment.audit")


@dataclass(eq=False)
class _Waiting:
    rows: str
    was_tried: bool = False
    is_written: bool = False


class Together:
    """`write` returns once `send` has returned for a call that held these rows.

    `send` is given the rows of one caller or of several, in the order of their coming,
    and raises where none of them is written. A caller's error is never another's:
    where a call for several fails, each is tried alone, by the thread that came with
    it.
    """

    def __init__(self, send: Callable[[Sequence[str]], None]) -> None:
        self._send = send
        self._turn = Lock()
        self._waiting: deque[_Waiting] = deque()

    def write(self, rows: str) -> None:
        """Write these rows, with those of whoever else is waiting; raises as `send`."""
        mine = _Waiting(rows)
        self._waiting.append(mine)
        with self._turn:
            if mine.is_written:
                return
            along = [] if mine.was_tried else self._taken()
            if len(along) > 1 and self._is_sent(along):
                return
            self._send([mine.rows])

    def _taken(self) -> list[_Waiting]:
        """Take everybody who waits; only who has the turn takes."""
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
            # Before it is sent: should this thread be broken off, each writes its own.
            taken[-1].was_tried = True
        return taken

    def _is_sent(self, along: Sequence[_Waiting]) -> bool:
        try:
            self._send([each.rows for each in along])
        except Exception as error:
            logger.warning(
                "%d callers' rows are tried one by one: %s", len(along), error
            )
            return False
        for each in along:
            each.is_written = True
        return True
