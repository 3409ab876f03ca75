"""Which code made a release."""

import subprocess
from functools import cache

from django.conf import settings


@cache
def code_version() -> str:
    """The version that the deployment states, or what git says of the checkout.

    CATCHMENT_VERSION is set when an image is built, where git is absent.
    """
    if settings.CODE_VERSION:
        return str(settings.CODE_VERSION)[:64]
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return described.stdout.strip()[:64]
