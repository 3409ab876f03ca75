"""How long what is kept, as a definition; and when it is erased before that."""

from pathlib import Path

from governance.definitions import load_file
from governance.retention.specs import ErasureSpec, RetentionSpec

SCHEDULES = load_file(Path(__file__).with_name("schedules.yaml"), RetentionSpec)
ERASURE = load_file(Path(__file__).with_name("erasure.yaml"), ErasureSpec)

__all__ = ["ERASURE", "SCHEDULES"]
