"""LightGBM finds an OpenMP library where the system has none."""

import subprocess
import sys

import pytest

from risk.steps.boosting import bundled_openmp

# RTLD_NOLOAD: succeed only if a library of that name is loaded already.
CHECK = """
import ctypes, os
from risk.steps.boosting import bundled_openmp, preload
try:
    ctypes.CDLL("libgomp.so.1", mode=os.RTLD_NOLOAD)
    raise SystemExit("loaded before")
except OSError:
    pass
preload(bundled_openmp())
ctypes.CDLL("libgomp.so.1", mode=os.RTLD_NOLOAD)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="wheels rename OpenMP on Linux")
def test_scikit_learns_copy_serves_under_the_name_that_lightgbm_asks_for() -> None:
    assert bundled_openmp() is not None
    done = subprocess.run(
        [sys.executable, "-c", CHECK], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
