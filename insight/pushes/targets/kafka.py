"""Kafka: one record per user, then a last one with the counts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core import outbound
from cdp.core.errors import ValidationFailed
from insight.pushes.targets.base import ConfigField, Head, PushError, Row, Target, Writer, register
from insight.pushes.targets.records import csv_head, csv_lines, json_text

TEST_SECONDS = 10
SEND_SECONDS = 60
_SERVER = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


def _words(config: Mapping[str, Any]) -> dict[str, Any]:
    words: dict[str, Any] = {
        "bootstrap.servers": config["servers"],
        "client.id": "tideline",
        "socket.timeout.ms": TEST_SECONDS * 1000,
        "security.protocol": config["security"],
        "log_level": 0,
    }
    if config["security"].startswith("SASL"):
        words.update(
            {
                "sasl.mechanisms": config["mechanism"],
                "sasl.username": config["user"],
                "sasl.password": config["password"],
            }
        )
    return words


@register
class Kafka(Target):
    key = "kafka"
    label = "Kafka"
    icon = "brand-apache"
    formats = (("json", gettext_lazy("JSON objects")), ("csv", gettext_lazy("Lines of CSV")))
    fields = (
        ConfigField(
            "servers",
            gettext_lazy("Servers"),
            required=True,
            help_text=gettext_lazy("host:port, several separated by commas."),
        ),
        ConfigField("topic", gettext_lazy("Topic"), required=True),
        ConfigField(
            "security",
            gettext_lazy("Security"),
            "choice",
            required=True,
            default="PLAINTEXT",
            choices=[(name, name) for name in ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")],
        ),
        ConfigField(
            "mechanism",
            gettext_lazy("Mechanism"),
            "choice",
            default="PLAIN",
            choices=[(name, name) for name in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")],
            help_text=gettext_lazy("Only with SASL."),
        ),
        ConfigField("user", gettext_lazy("User name")),
        ConfigField("password", gettext_lazy("Password"), "secret"),
    )

    def check(self, config: Mapping[str, Any]) -> dict[str, str]:
        errors = {}
        for part in str(config["servers"]).split(","):
            found = _SERVER.fullmatch(part.strip())
            if not found or not 0 < int(found[2]) < 65_536:
                errors["servers"] = _("Give host:port, several separated by commas.")
                break
            try:
                outbound.check_host(found[1].strip("[]"))
            except ValidationFailed as error:
                errors["servers"] = str(error)
        if not _TOPIC.fullmatch(str(config["topic"])):
            errors["topic"] = _("Use letters, digits, dots, hyphens and underscores.")
        if config["security"].startswith("SASL") and not config["user"]:
            errors["user"] = _("This is needed with SASL.")
        return errors

    def test(self, config: Mapping[str, Any]) -> str:
        try:
            found = AdminClient(_words(config)).list_topics(config["topic"], timeout=TEST_SECONDS)
        except KafkaException as error:
            raise _failed(error.args[0]) from None
        topic = found.topics[config["topic"]]
        if topic.error is not None:
            raise _failed(topic.error)
        return _("The topic %(topic)s has %(count)d partitions.") % {
            "topic": config["topic"],
            "count": len(topic.partitions),
        }

    def open(self, config: Mapping[str, Any], head: Head, workspace: Any) -> Writer:
        self.test(config)
        return _KafkaWriter(config, head)


class _KafkaWriter(Writer):
    """Waits for the acknowledgement of each batch, so that a failure is known before the next is read."""

    def __init__(self, config: Mapping[str, Any], head: Head) -> None:
        words = {
            **_words(config),
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 20,
            "compression.type": "gzip",
            "message.timeout.ms": SEND_SECONDS * 1000,
        }
        self.producer = Producer(words)
        self.topic, self.head = config["topic"], head
        self.csv = head.options.get("format") == "csv"
        self.failure: KafkaError | None = None
        kind = "text/csv" if self.csv else "application/json"
        self.headers = [("content-type", kind.encode()), ("schema", head.schema.encode())]
        if self.csv:
            self._send("#header", csv_head(head.columns).rstrip("\n"))
            self._settle()

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            text = csv_lines(self.head.columns, [row]).rstrip("\n") if self.csv else json_text(self.head, row)
            self._send(row.key, text)
        self._settle()

    def finish(self, users: int, ids: int) -> str:
        self._send(
            "#end", json.dumps({**self.head.as_json(), "users": users, "ids": ids}, ensure_ascii=False)
        )
        self._settle()
        return str(self.topic)

    def abort(self) -> None:
        self.producer.purge()
        self.producer.flush(1)

    def _send(self, key: str, text: str) -> None:
        while True:
            try:
                self.producer.produce(
                    self.topic,
                    key=key.encode(),
                    value=text.encode(),
                    headers=self.headers,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self.producer.poll(0.5)
                continue
            except KafkaException as error:
                raise _failed(error.args[0]) from None
            self.producer.poll(0)
            return

    def _delivered(self, error: KafkaError | None, _message: Any) -> None:
        if error is not None:
            self.failure = self.failure or error

    def _settle(self) -> None:
        left = self.producer.flush(SEND_SECONDS + 5)
        if self.failure is not None:
            raise _failed(self.failure)
        if left:
            raise PushError(_("Kafka did not acknowledge %(count)d records in time.") % {"count": left})


def _failed(error: KafkaError) -> PushError:
    return PushError(
        _("Kafka says: %(words)s") % {"words": error.str()}, code="push_failed", retryable=error.retriable()
    )
