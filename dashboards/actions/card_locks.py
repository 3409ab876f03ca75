"""Who may write on cards at one moment: one colleague on each, or a release on all.

Advisory locks, because the web role may lock no row of a list: it cannot update one,
and at first there is no card to lock.
"""

from collections.abc import Mapping

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


def in_one_order(seen: Mapping[int, int]) -> list[tuple[int, int]]:
    """Return several people of a programme in the order in which all lock their cards.

    The web holds each lock until its request ends. Two colleagues whose pages stand in
    different orders would otherwise wait for each other, and Postgres would fail one.
    """
    return sorted(seen.items())


def alone() -> None:
    """Wait for whoever writes on a card; until this transaction ends nobody else does.

    One lock, however many cards: Postgres holds some thousands of locks in all.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CARDS_LOCK])
