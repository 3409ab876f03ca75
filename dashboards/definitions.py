"""The dashboards' loaded definitions: a new YAML file is a new indicator or page."""

import hashlib
from pathlib import Path

from dashboards.algorithm_specs import RecordSpec
from dashboards.list_specs import SHARED, FileSpec, ListSpec
from dashboards.specs import (
    IndicatorSpec,
    PageSpec,
    PublishedIndicatorSpec,
    ReconciliationSpec,
)
from governance.definitions import Folder, digest, load_file

HERE = Path(__file__).parent


class Programmes(Folder[ListSpec]):
    """Programmes, whose hashes change with the parts that they share as well."""

    @property
    def hashes(self) -> dict[str, str]:
        shared = "".join(digest(path) for path in sorted(SHARED.glob("*.yaml")))
        return {
            name: hashlib.sha256((own + shared).encode()).hexdigest()
            for name, own in super().hashes.items()
        }


INDICATORS = Folder(HERE / "indicators", IndicatorSpec)
PUBLISHED = Folder(HERE / "published_indicators", PublishedIndicatorSpec)
RECONCILIATIONS = Folder(HERE / "reconciliations", ReconciliationSpec)
PAGES = Folder(HERE / "pages", PageSpec)
FILES = Folder(HERE / "lists" / "files", FileSpec)
LISTS = Programmes(HERE / "lists", ListSpec)
RECORD = load_file(HERE / "algorithms" / "record.yaml", RecordSpec)
