"""A small IMAP server over TLS on the loopback: one user, one folder, the commands that reading needs (RFC 3501)."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = 'bounces"box', "secret"


def certificate(folder: Path) -> Path:
    """A file with key and certificate for 127.0.0.1, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "imap.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


class ImapServer:
    """`mails` by number; those in `seen` are read."""

    def __init__(self, pem: Path) -> None:
        self.mails: dict[int, bytes] = {}
        self.seen: set[int] = set()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def add(self, raw: bytes) -> None:
        self.mails[len(self.mails) + 1] = raw

    def close(self) -> None:
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                plain, _address = self._socket.accept()
            except OSError:
                return
            with suppress(OSError), self._context.wrap_socket(plain, server_side=True) as connection:
                self._serve(connection)

    def _serve(self, connection: ssl.SSLSocket) -> None:
        stream = connection.makefile("rwb")

        def say(*lines: bytes) -> None:
            stream.write(b"".join(line + b"\r\n" for line in lines))
            stream.flush()

        say(b"* OK [CAPABILITY IMAP4rev1] here")
        for line in stream:
            tag, _space, command = line.strip().partition(b" ")
            name = command.split(b" ")[0].upper()
            if name == b"CAPABILITY":
                say(b"* CAPABILITY IMAP4rev1", tag + b" OK done")
            elif name == b"LOGIN":
                quoted = USER.replace('"', '\\"')
                right = command.decode() == f'LOGIN "{quoted}" "{PASSWORD}"'
                say(tag + (b" OK in" if right else b" NO [AUTHENTICATIONFAILED] wrong"))
            elif name == b"SELECT":
                known = command.upper() == b'SELECT "INBOX"'
                say(
                    *([b"* %d EXISTS" % len(self.mails)] if known else []),
                    tag + (b" OK open" if known else b" NO unknown"),
                )
            elif name == b"UID":
                say(*self._uid(command), tag + b" OK done")
            elif name == b"LOGOUT":
                say(b"* BYE", tag + b" OK bye")
                return
            else:
                say(tag + b" BAD unknown")

    def _uid(self, command: bytes) -> list[bytes]:
        if command.upper() == b"UID SEARCH UNSEEN":
            unread = [b"%d" % number for number in self.mails if number not in self.seen]
            return [b" ".join([b"* SEARCH", *unread])]
        if found := re.fullmatch(rb"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", command):
            number, most = int(found[1]), int(found[2])
            body = self.mails[number][:most]
            head = b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n" % (number, number, len(body))
            return [head + body + b")"]
        if found := re.fullmatch(rb"UID STORE (\d+) \+FLAGS\.SILENT \(\\Seen\)", command):
            self.seen.add(int(found[1]))
        return []
