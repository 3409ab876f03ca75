"""The web has done its slow work when it says that it is there."""

import os
import subprocess
import sys

PAGES_ARE_THERE = (
    "import config.wsgi, sys; sys.exit('dashboards.views.cohorts' not in sys.modules)"
)


def test_pages_are_imported_before_the_first_visitor_asks() -> None:
    web = {"DATABASE_URL": os.environ["TEST_WEB_DATABASE_URL"]}
    made = subprocess.run(
        [sys.executable, "-c", PAGES_ARE_THERE],
        env=os.environ | web | {"CATCHMENT_PROCESS": "web"},
        check=False,
    )
    assert made.returncode == 0
