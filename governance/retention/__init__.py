"""How long what is kept: schedules as a definition, and what is past its time."""

from pathlib import Path

from governance.definitions import load_file
from governance.retention.specs import RetentionSpec

SCHEDULES = load_file(Path(__file__).with_name("schedules.yaml"), RetentionSpec)

__all__ = ["SCHEDULES"]
