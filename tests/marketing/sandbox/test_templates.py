"""Templates, signatures and senders by the contract."""

from __future__ import annotations

from typing import Any

import pytest

from marketing.sandbox.provider import SandboxProvider
from tests.marketing.sandbox.conftest import Client

SMS = {"remark": "For tests", "templateContent": "Hi", "templateName": "Greeting", "templateType": 2}
EMAIL = {
    "remark": "For tests",
    "senderName": "Tide",
    "templateContent": "<p>Hi</p>",
    "templateName": "Greeting",
    "templateSubject": "Hello",
}


def test_every_answer_names_platform_and_request(client: Client) -> None:
    for answer in (
        client.call("GET", "/sms/smsSign/Tide"),
        client.call("GET", "/nowhere"),
        client.call("POST", "/sms/sendBatch"),
    ):
        content = answer.json()
        assert content["platformName"] == "Sandbox"
        assert {"code", "message", "requestId"} <= set(content)
        assert content["requestId"]


@pytest.mark.parametrize(("path", "body"), [("/sms/smsTemplate", SMS), ("/email/emailTemplate", EMAIL)])
def test_a_template_is_created_reviewed_and_approved(
    client: Client, provider: SandboxProvider, path: str, body: dict[str, Any]
) -> None:
    provider.options.review_seconds = 600
    created = client.call("POST", path, body)
    assert created.status_code == 201
    assert created.json()["code"] == "OK"
    code = created.json()["templateCode"]
    review = client.call("GET", f"{path}/{code}")
    assert review.status_code == 200
    assert (review.json()["templateStatus"], review.json()["reason"]) == (0, "无审核备注")
    provider.options.review_seconds = 0
    review = client.call("GET", f"{path}/{code}")
    assert (review.json()["templateStatus"], review.json()["reason"]) == (1, "无审核备注")
    assert review.json()["templateName"] == body["templateName"]
    assert review.json()["templateContent"] == body["templateContent"]
    assert review.json().get("templateType") == body.get("templateType")


def test_a_name_with_reject_is_rejected_with_a_reason(client: Client) -> None:
    code = client.sms_template(templateName="Please Reject me")
    review = client.call("GET", f"/sms/smsTemplate/{code}").json()
    assert review["templateStatus"] == 2
    assert "reject" in review["reason"]


def test_a_changed_template_is_reviewed_again(client: Client, provider: SandboxProvider) -> None:
    code = client.sms_template(templateName="reject")
    changed = client.call("PUT", f"/sms/smsTemplate/{code}", {"templateName": "Better"})
    assert changed.status_code == 201
    review = client.call("GET", f"/sms/smsTemplate/{code}").json()
    assert (review["templateStatus"], review["templateName"], review["templateContent"]) == (
        1,
        "Better",
        "Hello",
    )


def test_an_sms_template_is_none_of_the_mail_templates(client: Client) -> None:
    assert client.call("GET", f"/email/emailTemplate/{client.sms_template()}").status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        ("/sms/smsTemplate", SMS, {"remark": "r" * 101}),
        ("/sms/smsTemplate", SMS, {"remark": ""}),
        ("/sms/smsTemplate", SMS, {"templateContent": "c" * 501}),
        ("/sms/smsTemplate", SMS, {"templateName": "n" * 31}),
        ("/sms/smsTemplate", SMS, {"templateSubject": "s" * 21}),
        ("/sms/smsTemplate", SMS, {"templateType": 4}),
        ("/sms/smsTemplate", SMS, {"templateType": "1"}),
        ("/sms/smsTemplate", SMS, {"templateName": None}),
        ("/email/emailTemplate", EMAIL, {"templateContent": "中" * 10_000}),
        ("/email/emailTemplate", EMAIL, {"senderName": None}),
        ("/email/emailTemplate", EMAIL, {"templateSubject": 7}),
    ],
)
def test_fields_outside_their_limits_are_refused_by_name(
    client: Client, path: str, body: dict[str, Any], wrong: dict[str, Any]
) -> None:
    answer = client.call("POST", path, body | wrong)
    assert answer.status_code == 200
    assert answer.json()["code"] == "InvalidParameter"
    assert answer.json()["message"].startswith(next(iter(wrong)))


@pytest.mark.parametrize(
    ("path", "body", "longest"),
    [
        (
            "/sms/smsTemplate",
            SMS,
            {"remark": "备" * 100, "templateContent": "c" * 500, "templateName": "n" * 30},
        ),
        ("/email/emailTemplate", EMAIL, {"templateContent": "c" * 28 * 1024}),
    ],
)
def test_fields_at_their_limits_are_taken(
    client: Client, path: str, body: dict[str, Any], longest: dict[str, Any]
) -> None:
    assert client.call("POST", path, body | longest).status_code == 201


@pytest.mark.parametrize(("name", "state"), [("海潮", 1), ("In review", 0), ("Reject", 2), ("a/b", 1)])
def test_a_signature_has_a_review_state(client: Client, name: str, state: int) -> None:
    answer = client.call("GET", f"/sms/smsSign/{name.replace('/', '%2F')}").json()
    assert (answer["signName"], answer["signStatus"]) == (name, state)
    assert {"createDate", "reason"} <= set(answer)


def test_a_sender_is_normal_frozen_or_unknown(client: Client) -> None:
    normal = client.call("GET", "/email/thirdSender", address="shop@tide.example").json()
    assert (normal["accountName"], normal["accountStatus"]) == ("shop@tide.example", 0)
    assert normal["mailAddressId"] and normal["createDate"]
    assert (
        client.call("GET", "/email/thirdSender", address="frozen@tide.example").json()["accountStatus"] == 1
    )
    assert client.call("GET", "/email/thirdSender", address="unknown@tide.example").status_code == 404
    assert client.call("GET", "/email/thirdSender").json()["code"] == "InvalidParameter"


def test_senders_are_listed_to_whoever_asks_for_none(client: Client, provider: SandboxProvider) -> None:
    provider.options.change({"senders": "shop@tide.example, frozen@tide.example"})
    listed = client.call("GET", "/email/thirdSender").json()["senders"]
    assert [(row["accountName"], row["accountStatus"]) for row in listed] == [
        ("shop@tide.example", 0),
        ("frozen@tide.example", 1),
    ]


def test_unknown_calls_and_templates_are_not_found(client: Client) -> None:
    for method, path in (
        ("GET", "/sms/smsTemplate/none"),
        ("DELETE", "/sms/sendBatch"),
        ("PUT", "/email/emailTemplate/x"),
    ):
        assert client.call(method, path, {}).status_code == 404


def test_the_token_is_asked_for_where_one_is_set(client: Client, provider: SandboxProvider) -> None:
    provider.options.token = "t0ken-é"
    assert client.call("GET", "/sms/smsSign/Tide").status_code == 401
    client.headers = {"Authorization": "Bearer wrong"}
    assert client.call("GET", "/sms/smsSign/Tide").status_code == 401
    provider.options.token = "t0ken"
    client.headers = {"Authorization": "Bearer t0ken"}
    assert client.call("GET", "/sms/smsSign/Tide").status_code == 200
