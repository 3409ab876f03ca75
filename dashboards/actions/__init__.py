"""Every write of the dashboards: making lists, deciding, measuring outcomes."""

from dashboards.actions.decisions import decide, undo
from dashboards.actions.lists import make_lists

__all__ = ["decide", "make_lists", "undo"]
