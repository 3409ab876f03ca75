"""The dashboards' loaded definitions: a new YAML file is a new indicator or page."""

from pathlib import Path

from dashboards.list_specs import ListSpec
from dashboards.specs import IndicatorSpec, PageSpec
from governance.definitions import Folder

HERE = Path(__file__).parent
INDICATORS = Folder(HERE / "indicators", IndicatorSpec)
PAGES = Folder(HERE / "pages", PageSpec)
LISTS = Folder(HERE / "lists", ListSpec)
