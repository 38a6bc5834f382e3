"""The Celery application. Task modules are discovered in every installed app."""

from __future__ import annotations

import os

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")

app = Celery("tideline")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def _use_django_logging(**_: object) -> None:
    """Keep Celery from installing log handlers of its own: Django's LOGGING rules everywhere."""


@signals.worker_process_init.connect
def _forget_inherited_connections(**_: object) -> None:
    """A forked worker must not share sockets with its parent: PostgreSQL and the lake open anew."""
    from django.db import connections

    from cdp import lake

    for connection in connections.all(initialized_only=True):
        connection.inc_thread_sharing()
        connection.close()
    lake.forget()
