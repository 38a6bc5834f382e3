"""Files of CSV on an SFTP server or in a store that speaks S3: whole or not at all."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import posixpath
import re
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import paramiko
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core import outbound
from cdp.core.errors import ValidationFailed
from insight.pushes.targets.base import ConfigField, Head, PushError, Row, Target, Writer, register
from insight.pushes.targets.records import csv_head, csv_lines

CONNECT_SECONDS = 15
PART_BYTES = 8 * 1024 * 1024
"""Bytes of one part of an upload to S3; no part but the last may be smaller than 5 MiB."""
FORMATS = (("csv", gettext_lazy("CSV")), ("csv.gz", gettext_lazy("CSV, compressed")))
_FOLDER = ConfigField(
    "folder",
    gettext_lazy("Folder"),
    help_text=gettext_lazy("Where files go. It must exist on an SFTP server."),
)


def file_name(head: Head, workspace: Any) -> str:
    """`<name>_v<version>_<time>.csv`, the time on the workspace's clock."""
    name = re.sub(r"[^\w-]+", "_", head.name).strip("_")[:80] or head.kind
    ending = "csv.gz" if head.options.get("format") == "csv.gz" else "csv"
    moment = head.time.astimezone(ZoneInfo(workspace.time_zone))
    return f"{name}_v{head.version}_{moment:%Y%m%d%H%M%S}.{ending}"


class _Text:
    """CSV as bytes, compressed where wanted, piece by piece."""

    def __init__(self, head: Head) -> None:
        self.columns = head.columns
        self.buffer = io.BytesIO()
        self.zip = (
            gzip.GzipFile(fileobj=self.buffer, mode="wb", mtime=0)
            if head.options.get("format") == "csv.gz"
            else None
        )
        self._add(csv_head(head.columns))

    def add(self, rows: Sequence[Row]) -> None:
        self._add(csv_lines(self.columns, rows))

    def take(self) -> bytes:
        """What has been made since the last time."""
        found = self.buffer.getvalue()
        self.buffer.seek(0)
        self.buffer.truncate()
        return found

    def close(self) -> bytes:
        if self.zip is not None:
            self.zip.close()
        return self.take()

    def _add(self, text: str) -> None:
        (self.zip or self.buffer).write(text.encode())


@register
class Sftp(Target):
    key = "sftp"
    label = "SFTP"
    icon = "server"
    formats = FORMATS
    fields = (
        ConfigField("host", gettext_lazy("Host"), required=True),
        ConfigField("port", gettext_lazy("Port"), "number", required=True, default=22),
        ConfigField("user", gettext_lazy("User name"), required=True),
        ConfigField("password", gettext_lazy("Password"), "secret"),
        ConfigField(
            "private_key",
            gettext_lazy("Private key"),
            "long_secret",
            help_text=gettext_lazy("In OpenSSH's form, without a passphrase; instead of the password."),
        ),
        ConfigField(
            "fingerprint",
            gettext_lazy("Fingerprint of the server"),
            help_text=gettext_lazy("SHA256:… The test says it; a server with another one is refused."),
        ),
        _FOLDER,
    )

    def check(self, config: Mapping[str, Any]) -> dict[str, str]:
        if not config["password"] and not config["private_key"]:
            return {"password": _("Give a password or a private key.")}
        return {}

    def test(self, config: Mapping[str, Any]) -> str:
        client, seen = _connect(config)
        try:
            _folder_of(client, config)
        finally:
            _close(client)
        return _("The server's fingerprint is %(fingerprint)s.") % {"fingerprint": seen}

    def open(self, config: Mapping[str, Any], head: Head, workspace: Any) -> Writer:
        return _SftpWriter(config, head, workspace)


class _SftpWriter(Writer):
    """Writes under another name, and gives the file its own when it is whole."""

    def __init__(self, config: Mapping[str, Any], head: Head, workspace: Any) -> None:
        self.client, _seen = _connect(config)
        folder = _folder_of(self.client, config)
        self.path = posixpath.join(folder, file_name(head, workspace))
        self.part = f"{self.path}.{head.push_id}.part"
        self.text, self.sent = _Text(head), 0
        try:
            self.file = self.client.open(self.part, "wb")
            self.file.set_pipelined(True)
        except (OSError, paramiko.SSHException) as error:
            _close(self.client)
            raise _refused(error) from None

    def write(self, rows: Sequence[Row]) -> None:
        self.text.add(rows)
        self._send(self.text.take())

    def finish(self, users: int, ids: int) -> str:
        self._send(self.text.close())
        try:
            self.file.close()
            # Writes are not waited for one by one, so it is looked at here whether all of them have arrived.
            if self.client.stat(self.part).st_size != self.sent:
                raise PushError(
                    _("The server has not kept all of the file. Is its disk full?"), retryable=True
                )
            self.client.posix_rename(self.part, self.path)
        except (OSError, paramiko.SSHException) as error:
            raise _refused(error) from None
        _close(self.client)
        return self.path

    def abort(self) -> None:
        with suppress(OSError, paramiko.SSHException, EOFError):
            self.file.close()
            self.client.remove(self.part)
        _close(self.client)

    def _send(self, data: bytes) -> None:
        try:
            self.file.write(data)
            self.sent += len(data)
        except (OSError, paramiko.SSHException, EOFError) as error:
            raise _refused(error) from None


def _connect(config: Mapping[str, Any]) -> tuple[paramiko.SFTPClient, str]:
    """A session with a server that is the one that was meant, and its fingerprint."""
    host, port = str(config["host"]), int(config["port"])
    try:
        outbound.check_host(host)
        plain = socket.create_connection((host, port), timeout=CONNECT_SECONDS)
    except ValidationFailed as error:
        raise PushError(str(error), code=error.code) from None
    except OSError as error:
        raise PushError(
            _("Nothing answers at %(host)s, port %(port)d (%(reason)s).")
            % {"host": host, "port": port, "reason": error.strerror or str(error)},
            retryable=True,
        ) from None
    transport = paramiko.Transport(plain)
    transport.banner_timeout = transport.auth_timeout = CONNECT_SECONDS
    try:
        transport.start_client(timeout=CONNECT_SECONDS)
        key = transport.get_remote_server_key()
        digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
        seen = f"SHA256:{digest}"
        if config["fingerprint"] and config["fingerprint"] != seen:
            raise PushError(
                _("The server has the fingerprint %(seen)s, not the one that was set. Is it another server?")
                % {"seen": seen},
                code="host_key_changed",
            )
        if config["private_key"]:
            transport.auth_publickey(config["user"], _private_key(str(config["private_key"])))
        else:
            transport.auth_password(config["user"], str(config["password"]))
        client = paramiko.SFTPClient.from_transport(transport)
        if client is None:
            raise PushError(_("The server offers no SFTP."))
        channel = client.get_channel()
        if channel is not None:
            channel.settimeout(60)
        return client, seen
    except paramiko.AuthenticationException:
        transport.close()
        raise PushError(
            _("The server refuses the login of %(user)s.") % {"user": config["user"]}, code="auth_failed"
        ) from None
    except PushError:
        transport.close()
        raise
    except (paramiko.SSHException, OSError, EOFError) as error:
        transport.close()
        raise _refused(error) from None


def _private_key(text: str) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with suppress(paramiko.SSHException, ValueError):
            return kind.from_private_key(io.StringIO(text.strip() + "\n"))
    raise PushError(_("The private key cannot be read."), code="auth_failed")


def _folder_of(client: paramiko.SFTPClient, config: Mapping[str, Any]) -> str:
    folder = str(config["folder"] or ".")
    try:
        return client.normalize(folder) if client.listdir_attr(folder) is not None else folder
    except OSError:
        raise PushError(
            _("There is no folder “%(folder)s” that this login may open.") % {"folder": folder},
            code="folder_missing",
        ) from None


def _close(client: paramiko.SFTPClient) -> None:
    channel = client.get_channel()
    client.close()
    if channel is not None:
        channel.get_transport().close()


def _refused(error: Exception) -> PushError:
    return PushError(
        _("The server says: %(words)s") % {"words": str(error) or type(error).__name__}, retryable=True
    )


@register
class S3(Target):
    key = "s3"
    label = gettext_lazy("S3-compatible store")
    icon = "bucket"
    formats = FORMATS
    fields = (
        ConfigField(
            "endpoint",
            gettext_lazy("Endpoint"),
            "url",
            required=True,
            help_text=gettext_lazy("Such as https://s3.eu-central-1.amazonaws.com."),
        ),
        ConfigField("region", gettext_lazy("Region"), default="us-east-1"),
        ConfigField("bucket", gettext_lazy("Bucket"), required=True),
        _FOLDER,
        ConfigField("access_key", gettext_lazy("Access key"), required=True),
        ConfigField("secret_key", gettext_lazy("Secret key"), "secret", required=True),
    )

    def test(self, config: Mapping[str, Any]) -> str:
        try:
            _s3(config).head_bucket(Bucket=config["bucket"])
        except (BotoCoreError, ClientError) as error:
            raise _s3_failed(error, config) from None
        return _("The bucket %(bucket)s is there.") % {"bucket": config["bucket"]}

    def open(self, config: Mapping[str, Any], head: Head, workspace: Any) -> Writer:
        return _S3Writer(config, head, workspace)


class _S3Writer(Writer):
    """An upload in parts: the object is there when the last call has ended well, and not before."""

    def __init__(self, config: Mapping[str, Any], head: Head, workspace: Any) -> None:
        self.config, self.client = config, _s3(config)
        folder = str(config["folder"] or "").strip("/")
        name = file_name(head, workspace)
        self.key = f"{folder}/{name}" if folder else name
        self.place = {"Bucket": config["bucket"], "Key": self.key}
        self.text, self.waiting, self.parts = _Text(head), b"", list[dict[str, Any]]()
        made = self._call("create_multipart_upload", ContentType="text/csv")
        self.upload = made["UploadId"]

    def write(self, rows: Sequence[Row]) -> None:
        self.text.add(rows)
        self.waiting += self.text.take()
        while len(self.waiting) >= PART_BYTES:
            self._part(self.waiting[:PART_BYTES])
            self.waiting = self.waiting[PART_BYTES:]

    def finish(self, users: int, ids: int) -> str:
        self._part(self.waiting + self.text.close())
        parts = {"Parts": self.parts}
        self._call("complete_multipart_upload", UploadId=self.upload, MultipartUpload=parts)
        return f"{self.config['bucket']}/{self.key}"

    def abort(self) -> None:
        with suppress(BotoCoreError, ClientError):
            self.client.abort_multipart_upload(**self.place, UploadId=self.upload)

    def _part(self, data: bytes) -> None:
        number = len(self.parts) + 1
        answer = self._call("upload_part", UploadId=self.upload, PartNumber=number, Body=data)
        self.parts.append({"PartNumber": number, "ETag": answer["ETag"]})

    def _call(self, name: str, **more: Any) -> Any:
        try:
            return getattr(self.client, name)(**self.place, **more)
        except (BotoCoreError, ClientError) as error:
            raise _s3_failed(error, self.config) from None


def _s3(config: Mapping[str, Any]) -> Any:
    try:
        outbound.check_url(str(config["endpoint"]))
    except ValidationFailed as error:
        raise PushError(str(error), code=error.code) from None
    return boto3.client(
        "s3",
        endpoint_url=config["endpoint"],
        region_name=config["region"] or "us-east-1",
        aws_access_key_id=config["access_key"],
        aws_secret_access_key=config["secret_key"],
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=60,
            retries={"max_attempts": 4, "mode": "standard"},
            s3={"addressing_style": "path"},
        ),
    )


def _s3_failed(error: Exception, config: Mapping[str, Any]) -> PushError:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    if code in ("404", "NoSuchBucket"):
        return PushError(
            _("There is no bucket “%(bucket)s”.") % {"bucket": config["bucket"]}, code="folder_missing"
        )
    if code in ("403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
        return PushError(_("The store refuses these keys."), code="auth_failed")
    return PushError(
        _("The store says: %(words)s") % {"words": str(error)[:300]},
        retryable=isinstance(error, BotoCoreError),
    )
