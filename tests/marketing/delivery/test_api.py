"""The way of the integrator guide: from provider to effect by the API alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from tests.factories import make_token
from tests.marketing.delivery.shop import Shop, mails


class Caller:
    """Calls below the workspace with a bearer token."""

    def __init__(self, shop: Shop) -> None:
        self.client = APIClient()
        self.client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_token(shop.access)}")
        self.base = f"/api/v1/workspaces/{shop.workspace.slug}/"

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = getattr(self.client, method)(self.base + path, body, format="json")
        assert answer.status_code == status, answer.content
        return answer.json() if answer.content else None


@pytest.fixture
def call(shop: Shop) -> Caller:
    return Caller(shop)


@pytest.fixture
def draft(shop: Shop, call: Caller) -> dict[str, Any]:
    audience = shop.audience([*mails(2), (None, "bounce-hard-1@x.example", None, None)])
    config = {"host": "127.0.0.1", "port": shop.sandbox.smtp_port, "security": "none", "password": "x"}
    given = {"channel": "email", "type": "smtp", "name": "Post office", "config": config}
    provider = call("post", "providers/", given, 201)
    assert provider["config"]["password"] == "••••••"
    assert call("post", f"providers/{provider['id']}/test/")["ok"]
    sender = call("post", "sender-addresses/", {"provider": provider["id"], "address": "a@x.example"}, 201)
    written = {"channel": "email", "name": "Spring", "subject": "In ${city}", "html": "<p>Hi ${name}</p>"}
    template = call("post", "templates/", written, 201)
    assert template["variables"] == ["city", "name"]
    city = {"dataset": audience.rule["dataset"], "tag": "city", "missing": "replace", "value": "town"}
    chosen = {"provider": provider["id"], "sender": sender["id"], "template": template["id"]}
    variables = {"city": city, "name": {"value": "friend"}}
    body = {"channel": "email", "name": "Spring", "audience": audience.pk, "variables": variables, **chosen}
    made: dict[str, Any] = call("post", "send-outs/", body, 201)
    assert made["state"] == "draft"
    return made


def test_from_draft_to_effect(shop: Shop, call: Caller, draft: dict[str, Any]) -> None:
    path = f"send-outs/{draft['id']}/"
    assert call("get", path + "preview/?member=2")["subject"] == "In town"
    tested = call("post", path + "test-send/", {"targets": ["me@x.example", "bounce-hard@x.example"]})
    assert tested["sent"] == ["me@x.example"] and list(tested["failed"]) == ["bounce-hard@x.example"]
    sent = call("post", path + "submit/", {"now": True}, 202)
    assert sent["job"]["status"] == "queued" and sent["send_out"]["state"] == "sending"
    assert call("post", path + "submit/", {"now": True}, 409)["code"] == "send_out_started"
    shop.run_jobs()
    assert call("get", path)["state"] == "finished"
    effect = call("get", path + "effect/")
    assert (effect["target"], effect["sent"], effect["delivered"], effect["failed"]) == (3, 3, 2, 1)
    assert effect["failures"][0]["code"] == "550"
    rows = call("get", path + "recipients/?state=failed")["results"]
    assert [row["code"] for row in rows] == ["550"]
    assert [row["reason"] for row in call("get", "suppressions/")["results"]] == ["hard_bounce"]


def test_a_set_time_waits_and_a_change_makes_it_a_draft_again(call: Caller, draft: dict[str, Any]) -> None:
    path = f"send-outs/{draft['id']}/"
    late = call("post", path + "submit/", {"scheduled_at": "2020-01-01T00:00:00Z"}, 400)
    assert list(late["errors"]) == ["scheduled_at"]
    moment = (timezone.now() + timedelta(days=1)).isoformat()
    waiting = call("post", path + "submit/", {"scheduled_at": moment})
    assert waiting["state"] == "waiting" and waiting["held_until"] is None
    assert parse_datetime(waiting["scheduled_at"]) == parse_datetime(moment)
    assert call("patch", path, {"limit": 1})["state"] == "draft"


def test_an_open_variable_is_named(call: Caller, draft: dict[str, Any]) -> None:
    path = f"send-outs/{draft['id']}/"
    call("patch", path, {"variables": {**draft["variables"], "name": {"value": ""}}})
    refused = call("post", path + "submit/", {"now": True}, 400)
    assert refused["code"] == "validation_failed" and "name" in refused["errors"]["variables"][0]


def test_the_steering_calls_answer_conflict_where_they_do_not_fit(
    call: Caller, draft: dict[str, Any]
) -> None:
    for action in ("pause", "resume", "cancel"):
        assert call("post", f"send-outs/{draft['id']}/{action}/", {}, 409)["code"] == "send_out_state"
