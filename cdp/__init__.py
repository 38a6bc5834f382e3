"""The Tideline project: settings, and the kernel that every module shares."""

from __future__ import annotations

from cdp.celery import app as celery_app

__all__ = ["celery_app"]
