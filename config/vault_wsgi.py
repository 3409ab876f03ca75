"""The vault's own service, on a socket that only the web's system user can open."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from governance.postgres import refuse_bypass  # noqa: E402 (needs the settings)

for alias in ("default", "vault"):
    refuse_bypass(alias)
