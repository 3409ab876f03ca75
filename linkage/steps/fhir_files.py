"""Take the resources out of FHIR R4 files: bundles, bulk exports, folders and zips."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

SUFFIXES = (".json", ".ndjson", ".xml")
XMLNS = "{http://hl7.org/fhir}"
# Elements whose child is a whole resource, named by its own tag.
HOLDERS = ("resource", "contained")
MAX_FILE_BYTES = 2_000_000_000


class Found(NamedTuple):
    """One resource of a file, or why there is none. `full_url` is the bundle's."""

    resource: dict[str, Any] | None
    full_url: str
    problem: str


def fhir_files(path: Path) -> Iterator[Found]:
    """Yield every resource under a file, folder or zip, in the order of file names.

    A Bundle yields its entries and not itself. A file or a line that cannot be read
    yields one Found with a problem, so that the count of what came in is true.
    """
    for name, content in _contents(path):
        if name.endswith(".ndjson"):
            for line in content.splitlines():
                if line.strip():
                    yield from _json(line)
        elif name.endswith(".xml"):
            yield from _xml(content)
        else:
            yield from _json(content)


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file() and file.suffix.lower() in SUFFIXES:
                yield file.name.lower(), file.read_bytes()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in sorted(archive.infolist(), key=lambda e: e.filename):
                if Path(entry.filename).suffix.lower() in SUFFIXES:
                    if entry.file_size > MAX_FILE_BYTES:
                        yield entry.filename.lower(), b"too large"
                    else:
                        yield entry.filename.lower(), archive.read(entry)
    else:
        yield path.name.lower(), path.read_bytes()


def _json(content: bytes) -> Iterator[Found]:
    try:
        given = json.loads(content)
    except ValueError:
        yield Found(None, "", "not JSON")
        return
    yield from _unpacked(given, "")


def _xml(content: bytes) -> Iterator[Found]:
    # FHIR allows no document type; one could make a small file grow without end.
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        yield Found(None, "", "XML with a document type")
        return
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        yield Found(None, "", "not XML")
        return
    yield from _unpacked(_as_json(root) | {"resourceType": _tag(root)}, "")


def _unpacked(given: Any, full_url: str) -> Iterator[Found]:
    if not isinstance(given, dict) or not isinstance(given.get("resourceType"), str):
        yield Found(None, full_url, "no resourceType")
    elif given["resourceType"] == "Bundle":
        for entry in listed(given.get("entry")):
            inner = entry.get("resource") if isinstance(entry, dict) else None
            url = str(entry.get("fullUrl") or "") if isinstance(entry, dict) else ""
            yield from _unpacked(inner, url)
    else:
        yield Found(given, full_url, "")


def listed(value: Any) -> list[Any]:
    """A list as it is, nothing as no items, anything else as one item.

    XML does not say which elements may repeat, so a single one comes without a list.
    """
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _tag(element: ElementTree.Element) -> str:
    return element.tag.removeprefix(XMLNS)


def _as_json(element: ElementTree.Element) -> dict[str, Any]:
    """An element in the shape that FHIR's JSON has; narrative is left out."""
    found: dict[str, Any] = {}
    if "url" in element.attrib:
        found["url"] = element.attrib["url"]
    for child in element:
        name = _tag(child)
        if name.startswith("{"):  # XHTML narrative
            continue
        value: Any
        if name in HOLDERS and len(child) == 1:
            value = _as_json(child[0]) | {"resourceType": _tag(child[0])}
        elif "value" in child.attrib:
            value = child.attrib["value"]
        else:
            value = _as_json(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found
