"""Load definitions: YAML files, one schema each, read once and frozen, with hashes.

A release records the hash of every definition it used, so that any figure can be
made again. Errors name the file and the key.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Spec = TypeVar("Spec", bound=BaseModel)
# The same safe loader in C where PyYAML was built with it: three hundred files in a
# quarter of a second instead of three.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class DefinitionError(ValueError):
    """A definition that does not fit its schema; names the file and the key."""


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_file(path: Path, schema: type[Spec]) -> Spec:
    """Read one YAML file into its schema."""
    try:
        text = path.read_text(encoding="utf-8")
        return schema.model_validate(yaml.load(text, Loader=LOADER))
    except yaml.YAMLError as error:
        raise DefinitionError(f"{path}: not valid YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DefinitionError(
            f"{path}: {where}: {first['msg']} (of {error.error_count()} errors)"
        ) from error


class Folder(Mapping[str, Spec], Generic[Spec]):
    """Every `*.yaml` of a folder by its name, read at first use.

    `folder["x"]` is the definition in `x.yaml`; `folder.hashes` maps names to hashes.
    """

    def __init__(self, path: Path, schema: type[Spec]) -> None:
        self.path = path
        self.schema = schema
        self._loaded: dict[str, Spec] | None = None
        self._hashes: dict[str, str] = {}

    def _read(self) -> dict[str, Spec]:
        if self._loaded is None:
            files = sorted(self.path.glob("*.yaml"))
            self._hashes = {file.stem: digest(file) for file in files}
            self._loaded = {file.stem: load_file(file, self.schema) for file in files}
        return self._loaded

    @property
    def hashes(self) -> dict[str, str]:
        """The hashes of the definitions in use, which may be older than the files."""
        self._read()
        return dict(self._hashes)

    def __getitem__(self, name: str) -> Spec:
        try:
            return self._read()[name]
        except KeyError:
            known = ", ".join(self._read())
            raise KeyError(
                f"no {self.path.name[:-1]} {name!r}; there are: {known}"
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())
