"""What the template of a push message may say."""

from __future__ import annotations

from typing import Any

import pytest

from cdp.core.errors import ValidationFailed
from marketing.content import push, services
from tests.factories import make_access

APP = {"package": "com.example.shop", "activity": "MainActivity"}


@pytest.fixture
def access(db: None) -> Any:
    return make_access()


def make(access: Any, **more: Any) -> Any:
    return services.create_template(
        access, "push", {"name": "Hats", "subject": "Hello", "text": "New hats", **more}
    )


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"action": "url", "url": "https://shop.example/?a=1"},
        {"action": "page", **APP},
        {"action": "page", "package": "com.example.shop", "activity": ".ui.Hats"},
        {"action": "custom", "custom": "hats"},
        {"vendor": True, **APP},
        {"extra": {"product": "${sku}"}, "ttl_hours": 1, "badge": 0, "sound": False},
    ],
)
def test_what_fits_is_kept(access: Any, given: dict[str, Any]) -> None:
    assert make(access, push=given).push == given


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"action": "call"}, "action"),
        ({"action": "url"}, "url"),
        ({"action": "url", "url": "ftp://x"}, "url"),
        ({"action": "url", "url": "https://x/${1}"}, "action"),
        ({"action": "page"}, "package"),
        ({"action": "page", "package": "shop", "activity": "A"}, "package"),
        ({"action": "page", "package": "com.example", "activity": "A B"}, "activity"),
        ({"action": "custom", "custom": " "}, "custom"),
        ({"vendor": True}, "package"),
        ({"vendor": "yes"}, "vendor"),
        ({"ttl_hours": 0}, "ttl_hours"),
        ({"ttl_hours": 73}, "ttl_hours"),
        ({"ttl_hours": True}, "ttl_hours"),
        ({"badge": -1}, "badge"),
        ({"extra": {"aps": "1"}}, "extra"),
        ({"extra": {"a b": "1"}}, "extra"),
        ({"extra": {"a": 1}}, "extra"),
        ({"extra": ["a"]}, "extra"),
        ({"extra": {str(number): "x" for number in range(21)}}, "extra"),
        ({"colour": "red"}, "colour"),
        ({"url": 3}, "url"),
    ],
)
def test_what_does_not_fit_is_told_at_its_field(access: Any, given: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        make(access, push=given)
    assert f"push/{field}" in refused.value.errors


@pytest.mark.parametrize("field", ["subject", "text"])
@pytest.mark.parametrize("text", ["", "x" * 501])
def test_title_and_text_are_needed_and_have_an_end(access: Any, field: str, text: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        make(access, **{field: text})
    assert field in refused.value.errors


def test_variables_may_stand_in_the_link_and_the_parameters(access: Any) -> None:
    given = {"action": "url", "url": "https://x/${city}", "extra": {"a": "${sku}"}, "subtitle": "${name}"}
    template = make(access, subject="${name}", push=given)
    assert template.variables == ["name", "city", "sku"]
    filled = push.fill(given, {"city": "Bath", "sku": "1", "name": "Ann"})
    assert (filled["url"], filled["extra"], filled["subtitle"]) == ("https://x/Bath", {"a": "1"}, "Ann")


def test_other_channels_have_nothing_of_it(access: Any) -> None:
    with pytest.raises(ValidationFailed) as refused:
        services.create_template(access, "sms", {"name": "A", "text": "Hi", "push": {"badge": 1}})
    assert "push" in refused.value.errors
