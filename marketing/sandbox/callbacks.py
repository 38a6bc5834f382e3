"""Pushing receipts, replies and results to whoever asked for them by an option, or in a push."""

from __future__ import annotations

import hmac
import json
import logging
import threading
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import requests

from marketing.sandbox import contract, own_system, upush, webpush
from marketing.sandbox.options import Options
from marketing.sandbox.store import Store

log = logging.getLogger(__name__)
MOST_ROWS = 500
_TIMEOUT_SECONDS = 10
_PAUSE_SECONDS = 0.2
_PAUSE_AFTER_ERROR_SECONDS = 3.0
_TRIES = 5
"""Failures in a row after which an address is given up."""


class Pusher:
    """A thread that hands over what is due, again and again until the other side answers with 2xx."""

    def __init__(self, store: Store, options: Options) -> None:
        self.store = store
        self.options = options
        self._refused: Counter[str] = Counter()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-callbacks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=_TIMEOUT_SECONDS + 1)

    def _run(self) -> None:
        pause = _PAUSE_SECONDS
        while not self._stopped.wait(pause):
            pause = _PAUSE_SECONDS
            try:
                self._report_devices()
                self._push_replies()
                if self.options.results_url:
                    self._report_results()
                if self.options.callback_url:
                    self._push_reports()
            except requests.RequestException as error:
                log.warning("The callback failed and is tried again: %s", error)
                pause = _PAUSE_AFTER_ERROR_SECONDS

    def _push_reports(self) -> None:
        while rows := self.store.reports_to_push(MOST_ROWS):
            for channel in ("sms", "email"):
                of_channel = [row for row in rows if row["channel"] == channel]
                if of_channel:
                    reports = [contract.report(row) for row in of_channel]
                    for given in (reports, reports[::-1]) if self.options.mixed_reports else (reports,):
                        self._post(self._address("receipts"), {"channel": channel, "sendDetailDTOs": given})
                    self.store.pushed("messages", [row["id"] for row in of_channel])

    def _report_devices(self) -> None:
        """What phones did, to the address that their push names; after a few failures nobody is told any more."""
        while rows := self.store.devices_to_report(MOST_ROWS):
            url = rows[0]["receipt_url"]
            of_push = [row for row in rows if row["receipt_url"] == url]
            try:
                if rows[0]["alias_type"] is None:
                    self._report_browsers(url, of_push)
                else:
                    reports = [report for row in of_push for report in upush.report(row)]
                    requests.post(
                        url, json={"receipts": reports}, timeout=_TIMEOUT_SECONDS
                    ).raise_for_status()
            except requests.RequestException:
                self._refused[url] += 1
                if self._refused[url] < _TRIES:
                    raise
            else:
                del self._refused[url]
            self.store.pushed("messages", [row["id"] for row in of_push])

    def _report_results(self) -> None:
        """What became of people that the own system was called for; one call per webhook."""
        while rows := self.store.results_to_report(MOST_ROWS):
            of_webhook = [row for row in rows if row["sender"] == rows[0]["sender"]]
            query, headers = own_system.signed_call(self.options.webhook_key)
            results = [own_system.result(row) for row in of_webhook]
            url = self.options.results_url
            answer = requests.post(url, params=query, json=results, headers=headers, timeout=_TIMEOUT_SECONDS)
            # What is refused for good, as 400 and 410 say, is not reported again; other failures a few times.
            if answer.ok:
                del self._refused[rows[0]["sender"]]
            elif answer.status_code not in (400, 410):
                self._refused[rows[0]["sender"]] += 1
                if self._refused[rows[0]["sender"]] < _TRIES:
                    answer.raise_for_status()
            self.store.pushed("messages", [row["id"] for row in of_webhook])

    def _report_browsers(self, url: str, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            for word in webpush.WORDS[row["code"]]:
                requests.post(url, data=word, timeout=_TIMEOUT_SECONDS).raise_for_status()

    def _push_replies(self) -> None:
        """To the address that their message came with, or else to the callback; after a few failures no more."""
        for row in self.store.replies_to_push(MOST_ROWS):
            reply = {
                "messageId": str(row["id"]),
                "phoneNum": row["recipient"],
                "content": row["text"],
                "signName": row["sender"],
                "outId": row["out_id"],
                "receiveDate": datetime.fromtimestamp(row["at"], UTC).strftime("%Y-%m-%d %H:%M:%S"),
            }
            url = row["url"] or (self.options.callback_url and self._address("inbound"))
            try:
                if url:
                    self._post(url, reply)
            except requests.RequestException:
                self._refused[url] += 1
                if not row["url"] or self._refused[url] < _TRIES:
                    raise
            else:
                del self._refused[url]
            self.store.pushed("replies", [row["id"]])

    def _address(self, path: str) -> str:
        return f"{self.options.callback_url.rstrip('/')}/{path}"

    def _post(self, url: str, content: dict[str, Any]) -> None:
        head = {"platformName": self.options.platform_name, "requestId": uuid.uuid4().hex.upper()}
        body = json.dumps({**head, **content}).encode()
        headers = {"Content-Type": "application/json"}
        if self.options.token:
            headers["Authorization"] = f"Bearer {self.options.token}"
        if self.options.callback_secret:
            digest = hmac.digest(self.options.callback_secret.encode(), body, "sha256").hex()
            headers["X-Tideline-Signature"] = f"sha256={digest}"
        answer = requests.post(url, data=body, headers=headers, timeout=_TIMEOUT_SECONDS)
        answer.raise_for_status()
