"""What the vault does when a signed statement asks, and the page that allows it."""

from collections.abc import Callable, Mapping
from typing import Any

from linkage.assertions import Asked
from linkage.vault.service import (
    access_acts,
    feed_acts,
    list_acts,
    review_acts,
    watch_acts,
)
from linkage.vault.service.refusals import RefusedActError

# Some forty thousand people as CSV; a larger list comes as a feed.
MAX_CONTENT_BYTES = 2_000_000
Act = Callable[[Asked, bytes], Mapping[str, Any]]

ACTS: Mapping[str, tuple[str, Act]] = {
    "review_queue": ("linkage_review", review_acts.queue),
    "review_pair": ("linkage_review", review_acts.pair),
    "review_judge": ("linkage_review", review_acts.judge),
    "import_list": ("import_list", list_acts.import_list),
    "access_ask": ("special_access", access_acts.ask),
    "access_own": ("special_access", access_acts.own),
    "access_waiting": ("approve_access", access_acts.waiting),
    "review_reveals": ("access_review", watch_acts.reveals),
    "access_decide": ("approve_access", access_acts.decide),
    "delivery_begin": ("deliver", feed_acts.begin),
    "delivery_piece": ("deliver", feed_acts.piece),
    "delivery_finish": ("deliver", feed_acts.finish),
    "delivery_abandon": ("deliver", feed_acts.abandon),
    "run_decide": ("decide_feed", feed_acts.decide),
    "run_replay": ("decide_feed", feed_acts.replay),
    "run_roll_back": ("decide_feed", feed_acts.roll_back),
}


def act_of(asked: Asked) -> tuple[str, Act]:
    """The page that allows an act, and the act. Refused where there is none."""
    if asked.what not in ACTS:
        raise RefusedActError("the vault does not do that")
    return ACTS[asked.what]
