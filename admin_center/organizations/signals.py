"""What the other apps of the admin centre can react to."""

from __future__ import annotations

from django.dispatch import Signal

# Sent with `workspace`, inside the transaction that creates it.
workspace_created = Signal()
