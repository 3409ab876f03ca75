"""What became of a reveal that somebody looked at again: kept in the trail itself."""

from dashboards.selectors.access_review import VERDICTS
from governance import audit
from governance.access import Viewer


def settle(*, event_id: int, verdict: str, by: Viewer) -> None:
    """Say what a reviewer found of one reveal. ValueError for an unknown verdict."""
    if verdict not in VERDICTS:
        raise ValueError("Choose what you found.")
    audit.record("access_reviewed", by, subject=f"reveal {event_id}", verdict=verdict)
