"""WSGI entry point, for servers that speak nothing else (no live progress then: it needs ASGI)."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
application = get_wsgi_application()
