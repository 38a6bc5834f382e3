"""The checks of a platform: the sandbox passes all, and what a platform does wrong is found."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from marketing.channels.conformance import Batch, Suite
from marketing.sandbox.provider import SandboxProvider
from marketing.sandbox.store import Store
from tests.marketing.sandbox.conftest import World


@pytest.fixture
def guarded(provider: SandboxProvider) -> str:
    """The address of a sandbox that asks for the token "right"."""
    provider.options.change({"token": "right"})
    return f"{provider.url}/contract"


@pytest.mark.parametrize(
    ("channel", "sender", "recipient"),
    [("email", "shop@tide.example", "a@x.example"), ("sms", "Tide", "13800138000")],
)
def test_the_sandbox_keeps_every_rule(
    guarded: str, world: World, channel: str, sender: str, recipient: str
) -> None:
    batch = Batch(world.file(recipient), sender)
    found = list(Suite(guarded, channel, token="right", batch=batch).run())
    assert len(found) == 10 and not [row for row in found if row.problem]


@pytest.mark.parametrize(
    ("options", "auth"),
    [
        ({"signing_key": "a-key-of-16-sign"}, {"auth": "hmac", "token": "a-key-of-16-sign"}),
        (
            {"token": "right", "auth_header": "X-Own-Key"},
            {"auth": "header", "auth_header": "X-Own-Key", "token": "right"},
        ),
    ],
    ids=["hmac", "header"],
)
def test_it_keeps_them_however_calls_say_who_makes_them(
    provider: SandboxProvider, options: dict[str, str], auth: dict[str, str]
) -> None:
    provider.options.change(options)
    found = list(Suite(f"{provider.url}/contract", "sms", **auth).run())
    assert len(found) == 9 and not [row for row in found if row.problem]


def test_a_rule_that_is_broken_is_named(guarded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "reports", lambda *args, **given: (7, []))
    found = {row.rule: row.problem for row in Suite(guarded, "email", token="right").run()}
    assert [rule for rule, problem in found.items() if problem] == [
        "sendDetails counts nothing for an outId that it does not know",
    ]


def test_the_command_ends_with_an_error_where_nobody_answers() -> None:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("check_platform", "http://127.0.0.1:9/contract", stdout=out)
    assert out.getvalue().startswith("NO ")


def test_the_command_lists_what_is_kept(guarded: str) -> None:
    out = StringIO()
    call_command("check_platform", guarded, "--token", "right", stdout=out)
    assert out.getvalue().count("ok ") == 9
