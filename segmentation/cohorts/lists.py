"""Imported lists as criteria: persons whom the vault matched, without identifiers."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from pyroaring import BitMap

from governance.access import Viewer


class UnknownListError(LookupError):
    """A list that was never imported, or is not this viewer's."""


def _imported() -> Any:
    if find_spec("linkage.imported") is None:
        raise UnknownListError("this installation imports no lists")
    return import_module("linkage.imported")


def members(viewer: Viewer, list_id: int) -> BitMap:
    """Return the people of a list that the viewer imported."""
    found: BitMap = _imported().members(viewer, list_id)
    return found


def titles(viewer: Viewer) -> dict[int, str]:
    """Return the viewer's own lists by number."""
    if find_spec("linkage.imported") is None:
        return {}
    return {each.pk: each.title for each in _imported().lists(viewer)}
