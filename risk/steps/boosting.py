"""LightGBM, also on a machine that lacks the system's OpenMP library."""

import ctypes
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

# Beside other busy processes on 2 cores, 100 rounds took 17 s with two threads, which
# spin while they wait for each other, and 1 s with one. Shards run side by side.
THREADS = 1
# A model that is trained by itself has the machine; a refresh trains several side by
# side, each on one thread.
TRAINING_THREADS = 2
# Threads that wait must not spin: they take the core from whoever they wait for.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
WANTED = b"libgomp.so.1"
MISSING = (
    "LightGBM needs OpenMP: install libgomp1 (Debian, Ubuntu), libgomp (Fedora) or"
    " libomp (macOS)"
)


def boosting() -> ModuleType:
    """Return the lightgbm module; OSError says what to install if it cannot load.

    LightGBM's wheel expects the system's libgomp1, which a bare machine lacks;
    scikit-learn's wheel carries a copy of its own.
    """
    try:
        import lightgbm
    except OSError as error:
        bundled = bundled_openmp()
        if bundled is None:
            raise OSError(MISSING) from error
        preload(bundled)
        import lightgbm
    return lightgbm


def bundled_openmp() -> Path | None:
    """Return the OpenMP library inside scikit-learn's wheel, if there is one."""
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        return None
    libraries = Path(found.origin).parent.parent / "scikit_learn.libs"
    return next(iter(sorted(libraries.glob("libgomp*.so*"))), None)


def preload(library: Path) -> None:
    """Load a copy of an OpenMP library under the name that LightGBM asks for.

    The linker takes a library that is loaded already only if its own name is the
    wanted one, and wheels rename theirs: the copy gets the plain name back.
    """
    name = library.name.encode()
    renamed = library.read_bytes().replace(
        name + b"\0", WANTED.ljust(len(name), b"\0") + b"\0"
    )
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / WANTED.decode()
        copy.write_bytes(renamed)
        # The mapping outlives the file.
        ctypes.CDLL(str(copy), mode=ctypes.RTLD_GLOBAL)
