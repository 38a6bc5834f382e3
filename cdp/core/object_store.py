"""Files in a store that speaks the S3 protocol, for installations of several hosts."""

from __future__ import annotations

from functools import cached_property
from io import BytesIO
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from django.core.files.base import File
from django.core.files.storage import Storage

SECONDS = 10
_GONE = ("404", "NoSuchKey", "NotFound")


class ObjectStore(Storage):
    """Django's file storage below `prefix` of a bucket. Files are small enough to be held in memory."""

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        endpoint: str = "",
        region: str = "",
        key_id: str = "",
        secret: str = "",
        url_style: str = "",
    ) -> None:
        """`url_style`: path or virtual, whether the bucket stands in the path or in the host's name."""
        self.bucket, self.prefix = bucket, prefix.strip("/")
        self._options: dict[str, Any] = {
            "endpoint_url": endpoint or None,
            "region_name": region or "us-east-1",
            # Without keys, those of the host's role are looked for.
            "aws_access_key_id": key_id or None,
            "aws_secret_access_key": secret or None,
            "config": Config(
                connect_timeout=SECONDS,
                read_timeout=3 * SECONDS,
                retries={"max_attempts": 3},
                s3={"addressing_style": url_style or "auto"},
                # Stores other than Amazon's do not all know the newer checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        }

    @cached_property
    def client(self) -> Any:
        return boto3.client("s3", **self._options)

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        """Raises FileNotFoundError."""
        if mode != "rb":
            raise ValueError("Objects are only read, or saved as a whole.")
        try:
            found = self.client.get_object(Bucket=self.bucket, Key=self._key(name))
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise FileNotFoundError(name) from error
            raise
        return File(BytesIO(found["Body"].read()), name)

    def _save(self, name: str, content: File[bytes]) -> str:
        self.client.put_object(Bucket=self.bucket, Key=self._key(name), Body=content.read())
        return name

    def exists(self, name: str) -> bool:
        return self._head(name) is not None

    def size(self, name: str) -> int:
        found = self._head(name)
        if found is None:
            raise FileNotFoundError(name)
        return int(found["ContentLength"])

    def delete(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=self._key(name))

    def _head(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.client.head_object(Bucket=self.bucket, Key=self._key(name))
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise
        return found
