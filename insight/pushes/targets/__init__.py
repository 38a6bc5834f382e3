"""The kinds of systems that audiences are pushed to."""

from insight.pushes.targets import files, kafka, omni, webhook  # noqa: F401  (they register themselves)
from insight.pushes.targets.base import TARGETS, PushError, Target

__all__ = ["TARGETS", "PushError", "Target"]
