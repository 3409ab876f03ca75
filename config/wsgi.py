"""The web process: pages and the API. It holds no credential of the vault."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from governance.postgres import refuse_bypass  # noqa: E402 (needs the settings)

refuse_bypass()
