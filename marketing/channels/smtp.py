"""E-mail by SMTP: connections for many messages, each accepted or refused by the server at once."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.charset import BASE64, QP, Charset
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.errors import ValidationFailed
from cdp.core.outbound import check_host
from marketing.channels import dkim_keys, mailbox, pool
from marketing.channels.base import (
    ConfigField,
    Message,
    Outcome,
    PersonalProviderType,
    ProviderError,
    register_type,
)
from marketing.channels.models import Provider
from marketing.channels.tls import tls_context

TIMEOUT_SECONDS = 20
CONNECTIONS, MOST_CONNECTIONS = 4, 20
_SIGNING, _BOUNCES = gettext_lazy("Signing (DKIM)"), gettext_lazy("Bounces and complaints")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_LONGEST_LINE = 998
_POLICY = compat32.clone(max_line_length=_LONGEST_LINE, linesep="\r\n")
"""The older of Python's two ways to write mails, three times as fast: headers here need no reading."""
_BEYOND_ASCII = bytes(range(128, 256))


@register_type
class SmtpType(PersonalProviderType):
    """Any SMTP server, with TLS from the start, STARTTLS, or none."""

    key = "smtp"
    channel = "email"
    label = gettext_lazy("SMTP server")
    id_type = "email"
    fields = (
        ConfigField("host", gettext_lazy("Host"), required=True),
        ConfigField("port", gettext_lazy("Port"), kind="number", required=True, default=587),
        ConfigField(
            "security",
            gettext_lazy("Security"),
            kind="choice",
            default="starttls",
            choices=(
                ("starttls", gettext_lazy("STARTTLS")),
                ("tls", gettext_lazy("TLS from the start")),
                ("none", gettext_lazy("None (only inside your own network)")),
            ),
        ),
        ConfigField("username", gettext_lazy("User name")),
        ConfigField("password", gettext_lazy("Password"), kind="secret"),
        ConfigField(
            "connections",
            gettext_lazy("Connections at the same time"),
            kind="number",
            default=CONNECTIONS,
            help_text=gettext_lazy(
                "How many mails go to the server side by side, over all send-outs: 1 to 20. Each send-out has at least "
                "one. Ask whoever runs the server how many it takes."
            ),
        ),
        ConfigField(
            "domain_per_minute",
            gettext_lazy("Mails per minute to one domain"),
            kind="number",
            help_text=gettext_lazy("To spare each receiving server, such as example.com's. Empty: no limit."),
        ),
        ConfigField(
            "dkim_domain",
            gettext_lazy("DKIM domain"),
            kind="domain",
            help_text=gettext_lazy("Mails are signed for it. Empty: they are not signed here."),
            group=_SIGNING,
        ),
        ConfigField("dkim_selector", gettext_lazy("DKIM selector"), group=_SIGNING),
        ConfigField(
            "dkim_key",
            gettext_lazy("DKIM private key"),
            kind="key",
            help_text=gettext_lazy(
                "PEM, or leave it empty and have a key made on the provider's page. It is never shown again."
            ),
            group=_SIGNING,
        ),
        ConfigField(
            "bounce_domain",
            gettext_lazy("Bounce domain"),
            kind="domain",
            help_text=gettext_lazy(
                "All of its addresses lead to the bounce mailbox, such as bounces.example.com."
            ),
            group=_BOUNCES,
        ),
        ConfigField(
            "imap_host",
            gettext_lazy("IMAP server"),
            help_text=gettext_lazy(
                "Read every minute, over TLS. Empty: bounces come by webhook, or not at all."
            ),
            group=_BOUNCES,
        ),
        ConfigField("imap_port", gettext_lazy("IMAP port"), kind="number", default=993, group=_BOUNCES),
        ConfigField("imap_user", gettext_lazy("User name of the mailbox"), group=_BOUNCES),
        ConfigField("imap_password", gettext_lazy("Password of the mailbox"), kind="secret", group=_BOUNCES),
        ConfigField("imap_folder", gettext_lazy("Folder"), default="INBOX", group=_BOUNCES),
    )

    def config_problems(self, config: dict[str, Any]) -> dict[str, str]:
        found = dkim_keys.problems(config)
        if _most_connections(config) > MOST_CONNECTIONS:
            found["connections"] = _("At most %(most)d.") % {"most": MOST_CONNECTIONS}
        if config.get("imap_host"):
            missing = [name for name in ("imap_user", "imap_password") if not config.get(name)]
            found |= dict.fromkeys(missing, _("This is needed."))
        return found

    def test(self, provider: Provider) -> list[str]:
        with _connected(provider) as client:
            code, answer = client.noop()
            secured = _secured(client)
        lines = [
            _("Connected to %(host)s:%(port)s and signed in.")
            % {"host": provider.config["host"], "port": provider.config["port"]},
            secured,
            f"{code} {answer.decode(errors='replace')}",
        ]
        if provider.config.get("imap_host"):
            with mailbox.opened(provider) as folder:
                unread = len(folder.unread())
            lines.append(_("Bounce mailbox: %(count)d unread mails.") % {"count": unread})
        return lines

    @contextmanager
    def session(self, provider: Provider, sender: str, *, at_once: int = 1) -> Iterator[pool.Pool]:
        @contextmanager
        def connect() -> Iterator[SmtpConnection]:
            with _connected(provider) as client:
                yield SmtpConnection(client, sender)

        most = _most_connections(provider.config)
        with pool.opened(connect, provider.line, most=most, at_once=at_once) as found:
            yield found


def _most_connections(config: dict[str, Any]) -> int:
    given = str(config.get("connections") or "")
    return int(given) if given.isdecimal() else CONNECTIONS


class _Client(smtplib.SMTP):
    """Knows whether a mail's content is on its way: before that, nothing can have been accepted."""

    content_sent = False
    config: dict[str, Any]

    def sendmail(self, from_addr: str, to_addrs: Any, msg: Any, *args: Any, **options: Any) -> Any:
        signed = dkim_keys.sign(msg, self.config)
        return super().sendmail(from_addr, to_addrs, signed, *args, **options)

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.content_sent = True
        return super().data(msg)


class _SecureClient(_Client, smtplib.SMTP_SSL):
    pass


class SmtpConnection:
    def __init__(self, client: _Client, sender: str) -> None:
        self.client = client
        self.sender = sender

    def send_one(self, message: Message) -> Outcome:
        mail = compose(message)
        self.client.content_sent = False
        try:
            self.client.send_message(
                mail, from_addr=message.return_path or self.sender, to_addrs=[message.target]
            )
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = next(iter(error.recipients.values()))
            if code == 421:
                raise _lost(error, uncertain=False) from error
            return Outcome(message.key, "failed", code=str(code), detail=_text(answer))
        except smtplib.SMTPSenderRefused as error:
            raise _sender_refused(error) from error
        except smtplib.SMTPDataError as error:
            if error.smtp_code == 421:
                raise _lost(error, uncertain=False) from error
            return Outcome(message.key, "failed", code=str(error.smtp_code), detail=_text(error.smtp_error))
        except (smtplib.SMTPException, OSError) as error:
            raise _lost(error, uncertain=self.client.content_sent) from error
        # The server has taken responsibility: bounces come back later by mail.
        return Outcome(
            message.key, "delivered", code="250", provider_message_id=str(mail["Message-ID"] or "")
        )


def compose(message: Message) -> MIMEBase:
    """The MIME message: plain text and HTML as alternatives, the given headers on top."""
    mail: MIMEBase = _part(message.text or " ", "plain")
    if message.html:
        mail = MIMEMultipart("alternative", None, [mail, _part(message.html, "html")], policy=_POLICY)
    for name, value in message.headers.items():
        mail[name] = one_line(value)
    mail["To"] = message.target
    subject = one_line(message.subject)
    mail["Subject"] = subject if subject.isascii() else Header(subject, "utf-8").encode()
    return mail


def _part(text: str, subtype: str) -> MIMEText:
    """As it is where every server takes it, and else in the shorter of the two safe encodings."""
    raw = text.encode()
    if len(raw) == len(text) and max(map(len, text.splitlines()), default=0) <= _LONGEST_LINE:
        return MIMEText(text, subtype, "us-ascii", policy=_POLICY)
    foreign = len(raw) - len(raw.translate(None, _BEYOND_ASCII))
    return MIMEText(text, subtype, _BASE64 if foreign * 6 > len(raw) else _QUOTED, policy=_POLICY)  # type: ignore[arg-type]


def _charset(encoding: int) -> Charset:
    found = Charset("utf-8")
    found.body_encoding = encoding
    return found


_BASE64, _QUOTED = _charset(BASE64), _charset(QP)


def one_line(text: str) -> str:
    """Without line breaks and control characters: with them, a person's own value could add headers."""
    return _CONTROL.sub(" ", text)


@contextmanager
def _connected(provider: Provider) -> Iterator[_Client]:
    config = provider.config
    try:
        check_host(str(config["host"]))
    except ValidationFailed as error:
        raise ProviderError(str(error), code=error.code, retryable=error.code == "host_unknown") from error
    try:
        client = _open(config)
        client.config = config
        if config.get("username"):
            client.login(str(config["username"]), str(config.get("password", "")))
    except smtplib.SMTPAuthenticationError as error:
        raise ProviderError(
            _("The mail server refused the user name or password."), code="auth_failed", denied=True
        ) from error
    except ssl.SSLError as error:
        raise ProviderError(
            _("No secure connection to the mail server: %(error)s") % {"error": error}, code="tls_failed"
        ) from error
    except socket.gaierror as error:
        raise ProviderError(_("The mail server's host name is not known."), code="host_unknown") from error
    except (smtplib.SMTPException, OSError) as error:
        raise ProviderError(
            _("The mail server cannot be reached: %(error)s") % {"error": error},
            code="provider_unreachable",
            retryable=True,
        ) from error
    try:
        yield client
    finally:
        try:
            client.quit()
        except (smtplib.SMTPException, OSError):
            client.close()


def _open(config: dict[str, object]) -> _Client:
    host, port = str(config["host"]), int(str(config["port"]))
    context = tls_context()
    if config.get("security") == "tls":
        return _SecureClient(host, port, timeout=TIMEOUT_SECONDS, context=context)
    client = _Client(host, port, timeout=TIMEOUT_SECONDS)
    if config.get("security", "starttls") == "starttls":
        client.starttls(context=context)
    return client


def _secured(client: _Client) -> str:
    if isinstance(client.sock, ssl.SSLSocket):
        return _("The connection is encrypted (%(version)s).") % {"version": client.sock.version()}
    return _("The connection is not encrypted.")


def _sender_refused(error: smtplib.SMTPSenderRefused) -> ProviderError:
    """What holds for the sender holds for every message: none of them is spent on it."""
    if error.smtp_code == 421:
        return _lost(error, uncertain=False)
    return ProviderError(
        _("The mail server takes no mail from this sender: %(code)d %(answer)s")
        % {"code": error.smtp_code, "answer": _text(error.smtp_error)},
        code="sender_refused",
        retryable=error.smtp_code < 500,
    )


def _lost(error: Exception, *, uncertain: bool) -> ProviderError:
    return ProviderError(
        _("The connection to the mail server was lost: %(error)s") % {"error": error},
        code="connection_lost",
        retryable=True,
        uncertain=uncertain,
    )


def _text(answer: bytes | str) -> str:
    return (answer.decode(errors="replace") if isinstance(answer, bytes) else answer)[:500]
