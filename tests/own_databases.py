"""A pytest plugin: under xdist each worker has databases, queue and folder of its own.

`./run test` makes a copy of both databases for each worker and loads this plugin
before Django's settings, which read the environment once.
"""

import os
import re
from pathlib import Path


def own(environment: dict[str, str], worker: str) -> dict[str, str]:
    """What changes in a worker's environment; `worker` is xdist's name, such as gw1."""
    number = int(worker.removeprefix("gw")) + 1
    changed = {}
    for name, value in environment.items():
        if name.endswith("DATABASE_URL"):
            changed[name] = re.sub(r"@/(store|vault)\?", rf"@/\1_{worker}?", value)
    changed["REDIS_URL"] = environment["REDIS_URL"].replace("db=0", f"db={number}")
    changed["CATCHMENT_HOME"] = f"{environment['CATCHMENT_HOME']}/{worker}"
    changed["VAULT_SERVICE_URL"] = environment["VAULT_SERVICE_URL"].replace(
        "vault.sock", f"{worker}.sock"
    )
    return changed


if os.environ.get("CATCHMENT_PROCESS") == "test" and (
    name := os.environ.get("PYTEST_XDIST_WORKER")
):
    os.environ.update(own(dict(os.environ), name))
    Path(os.environ["CATCHMENT_HOME"]).mkdir(exist_ok=True)
