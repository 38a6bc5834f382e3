"""What can go wrong while Tideline is started; the message is shown to the person at the terminal."""

from __future__ import annotations


class RuntimeFailure(Exception):
    """Something that Tideline needs did not start; the text says what, and where its log is."""
