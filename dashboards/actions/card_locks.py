"""Who may write on cards at one moment: one colleague on each, or a release on all.

Advisory locks, because the web role may lock no row of a list: it cannot update one,
and at first there is no card to lock.
"""

from django.db import connection

CARDS_LOCK = 7_201_964  # shared to write on one card; exclusive to move many


def one_at_a_time(programme: str, person_no: int) -> None:
    """Wait for a colleague who writes about the same person at this moment.

    And for a release that hands cards to other practices.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock_shared(%s),"
            " pg_advisory_xact_lock(hashtext(%s), %s)",
            [CARDS_LOCK, programme, person_no],
        )


def alone() -> None:
    """Wait for whoever writes on a card; until this transaction ends nobody else does.

    One lock, however many cards: Postgres holds some thousands of locks in all.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CARDS_LOCK])
