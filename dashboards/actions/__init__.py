"""Every write of the dashboards: making lists, deciding, measuring outcomes."""

from dashboards.actions.card_moves import publish_release
from dashboards.actions.cards import change, hand_over
from dashboards.actions.decisions import decide, decide_many, undo
from dashboards.actions.lists import make_lists
from dashboards.actions.tallies import tally_programmes

__all__ = [
    "change",
    "decide",
    "decide_many",
    "hand_over",
    "make_lists",
    "publish_release",
    "tally_programmes",
    "undo",
]
