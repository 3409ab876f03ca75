"""Facts stay with their people while somebody looks: the lock between both sides.

Who moves facts from one person to another holds it alone, whoever must not see a move
half done holds it with others. It is the store's; nobody here writes anything.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

MOVES_LOCK = 7_201_956  # exclusive to move facts; shared to attach a run's, or to read


@contextmanager
def still() -> Iterator[None]:
    """Wait until nobody moves facts, and let nobody until the end of the block."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", [MOVES_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock_shared(%s)", [MOVES_LOCK])
