"""Writing of many threads that costs as much as writing of one.

A call that must be on disk before it returns waits for the disk, whether it holds one
row or fifty. Whoever comes while a call is under way waits for its end; then the first
of those who wait takes the rows of all of them along. A crowd that was told at the same
moment comes back at nearly the same moment: it is waited for, for milliseconds, or one
of it would go alone and all others wait for that one's call.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock

logger = logging.getLogger("catchment.audit")
# So many in one call are a crowd; fewer are not worth anybody's waiting.
CROWD = 4
GATHERS_SECONDS = 0.002


@dataclass(eq=False)
class _Waiting:
    rows: str
    leads: bool = False
    is_written: bool = False
    # Told once: that the rows are written, that they are not, or to lead.
    told: Event = field(default_factory=Event)


class Together:
    """`write` returns once `send` has returned for a call that held these rows.

    `send` is given the rows of one caller or of several, in the order of their coming,
    and raises where none of them is written. A caller's error is never another's:
    where a call for several fails, each is tried alone, by the thread that came with
    it.
    """

    def __init__(self, send: Callable[[Sequence[str]], None]) -> None:
        self._send = send
        # Held for moments: nobody waits for a call of `send` with it.
        self._lock = Lock()
        self._waiting: deque[_Waiting] = deque()
        self._is_led = False
        # How many went in the call before, and whether as many wait again.
        self._went = 0
        self._are_back = Event()

    def write(self, rows: str) -> None:
        """Write these rows, with those of whoever else is waiting; raises as `send`."""
        mine = _Waiting(rows)
        with self._lock:
            self._waiting.append(mine)
            if len(self._waiting) >= self._went:
                self._are_back.set()
            if not self._is_led:
                self._is_led = mine.leads = True
        self._wait(mine)
        if mine.leads:
            self._lead(mine)
        if not mine.is_written:
            self._send([mine.rows])

    def _wait(self, mine: _Waiting) -> None:
        """Wait until told; who leads, until the crowd of the call before is back."""
        try:
            if not mine.leads:
                mine.told.wait()
            if mine.leads and self._went >= CROWD:
                self._are_back.wait(GATHERS_SECONDS)
        except BaseException:
            with self._lock:
                if mine in self._waiting:
                    self._waiting.remove(mine)
            if mine.leads:
                self._hand_over()
            raise

    def _lead(self, mine: _Waiting) -> None:
        """Send what everybody brought who waits now, then let the next one lead."""
        with self._lock:
            along = list(self._waiting)
            self._waiting.clear()
            self._went = len(along)
            self._are_back.clear()
        try:
            if len(along) == 1:
                self._send([mine.rows])
                mine.is_written = True
            elif self._is_sent(along):
                for each in along:
                    each.is_written = True
        finally:
            self._hand_over()
            for each in along:
                each.told.set()

    def _hand_over(self) -> None:
        with self._lock:
            self._is_led = bool(self._waiting)
            if self._is_led:
                first = self._waiting[0]
                first.leads = True
                first.told.set()

    def _is_sent(self, along: Sequence[_Waiting]) -> bool:
        try:
            self._send([each.rows for each in along])
        except Exception as error:
            logger.warning(
                "%d callers' rows are tried one by one: %s", len(along), error
            )
            return False
        return True
