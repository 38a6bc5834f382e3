"""The mailbox that returned mails come to, read by IMAP over TLS."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.utils.translation import gettext as _

from cdp.core.outbound import check_host
from marketing.channels.base import ProviderError
from marketing.channels.models import Provider
from marketing.channels.tls import tls_context

TIMEOUT_SECONDS = 20
MOST_MAILS = 500
MOST_BYTES = 1024**2
"""Of each mail so much is read: reports are short, and stand before the mail that they return."""


class Mailbox:
    """The unread mails of an open folder."""

    def __init__(self, client: imaplib.IMAP4) -> None:
        self.client = client

    def unread(self) -> list[bytes]:
        """Numbers of unread mails, oldest first."""
        _status, found = _done(self.client.uid("SEARCH", "UNSEEN"))
        return bytes(found[0] or b"").split()[:MOST_MAILS]

    def fetch(self, number: bytes) -> bytes:
        """The mail, which stays unread; nothing where it is gone meanwhile."""
        wanted = f"(BODY.PEEK[]<0.{MOST_BYTES}>)"
        _status, found = _done(self.client.uid("FETCH", number.decode(), wanted))
        return next((bytes(item[1]) for item in found if isinstance(item, tuple)), b"")

    def mark_read(self, number: bytes) -> None:
        _done(self.client.uid("STORE", number.decode(), "+FLAGS.SILENT", r"(\Seen)"))


@contextmanager
def opened(provider: Provider) -> Iterator[Mailbox]:
    """The provider's bounce mailbox. Raises ProviderError where it cannot be read, ValidationFailed."""
    config = provider.config
    host = str(config["imap_host"])
    check_host(host)
    client: imaplib.IMAP4 | None = None
    try:
        port = int(config.get("imap_port") or 993)
        client = imaplib.IMAP4_SSL(host, port, ssl_context=tls_context(), timeout=TIMEOUT_SECONDS)
        client.login(_quoted(str(config["imap_user"])), str(config["imap_password"]))
        _done(client.select(_quoted(str(config.get("imap_folder") or "INBOX"))))
        yield Mailbox(client)
    except (imaplib.IMAP4.error, OSError) as error:
        raise ProviderError(
            _("The bounce mailbox cannot be read: %(error)s") % {"error": error}, code="mailbox_failed"
        ) from error
    finally:
        if client is not None:
            with suppress(imaplib.IMAP4.error, OSError):
                client.logout()


def _done(answer: tuple[str, list[object]]) -> tuple[str, list[object]]:
    if answer[0] != "OK":
        raise imaplib.IMAP4.error(str(answer[1]))
    return answer


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
