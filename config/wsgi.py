"""The web process: pages and the API. It holds no credential of the vault."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from governance.postgres import refuse_bypass  # noqa: E402 (needs the settings)

refuse_bypass()
# Django imports the pages, four seconds of a processor, when the first of them is asked
# for: whoever asks should not wait. In each process by itself, never with gunicorn's
# --preload: Polars hangs in a child that was forked after it was imported.
import_module(settings.ROOT_URLCONF)
