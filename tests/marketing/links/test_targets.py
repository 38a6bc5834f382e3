"""Where short links may lead."""

from __future__ import annotations

from typing import Any

import pytest

from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from marketing.links import services, targets
from marketing.links.models import LinkDomain, ShortLink
from tests.factories import make_access
from tests.marketing.links.shop import make_link, make_shop


@pytest.fixture
def access(db: None) -> Any:
    return make_shop()


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript://shop.example.com/%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        "file:///etc/passwd",
        "ftp://shop.example.com/",
        "//shop.example.com/",
        "//evil.example/",
        "/\\evil.example",
        "///evil.example",
        "https:/shop.example.com",
        "https:shop.example.com",
        "https:///evil.example",
        "https:\\\\evil.example",
        "https://shop.example.com\\@evil.example/",
        "https://shop.example.com@evil.example/",
        "https://user:password@shop.example.com/",
        "https://@shop.example.com/",
        "https://evil.example/https://shop.example.com/",
        "https://evil.example#.shop.example.com",
        "https://evil.example?.shop.example.com",
        "https://evil.example%2f.shop.example.com/",
        "https://evilshop.example.com.evil.example/",
        "https://xshop.example.com/",
        "https://a.shop.example.com/",
        "https://shop.example.com.evil.example/",
        "https://shop.example.com:99999/",
        "https://shop.example.com:x/",
        "https://[::1]/",
        "https://shop.example.com/a b",
        "https://shop.example.com/\nSet-Cookie: a=b",
        "https://shop.example.com/\r\n\r\n<script>",
        "https://shop.example.com/\x00",
        "\x01https://shop.example.com/",
        "https://shop\u3002example.com@evil.example/",
        "https://ｅvil.example/",
        "shop.example.com",
        "",
    ],
)
def test_no_other_address_is_taken(access: Any, url: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        make_link(access, target=url)
    assert "target" in refused.value.errors
    assert not ShortLink.objects.exists()


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.example.com", "https://shop.example.com/"),
        ("HTTP://SHOP.example.com./a?b=c#d", "http://shop.example.com/a?b=c#d"),
        (" https://shop.example.com:8443/新品 ", "https://shop.example.com:8443/%E6%96%B0%E5%93%81"),
    ],
)
def test_an_address_is_kept_as_every_browser_reads_it(access: Any, url: str, kept: str) -> None:
    assert make_link(access, target=url).target == kept


def test_an_address_has_at_most_2000_characters(access: Any) -> None:
    start = "https://shop.example.com/"
    make_link(access, target=start + "a" * (2000 - len(start)))
    with pytest.raises(ValidationFailed):
        make_link(access, target=start + "a" * (2001 - len(start)))


def test_a_short_link_does_not_lead_to_a_short_link(access: Any, settings: Any) -> None:
    settings.SHORT_LINK_HOST = "https://shop.example.com"
    with pytest.raises(ValidationFailed):
        make_link(access, target=make_link(access).url)


@pytest.mark.parametrize(
    ("domain", "host", "covered"),
    [
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "evilexample.com", False),
        ("example.com", "example.com", True),
        ("example.com", "a.example.com", False),
    ],
)
def test_a_wildcard_is_every_name_below(domain: str, host: str, covered: bool) -> None:
    assert targets.covers(domain, host) is covered


@pytest.mark.parametrize(
    "name", ["*", "*.com", "", "a b", "https://a.example", "a/b", "*.*.com", "a..b", "-a.com"]
)
def test_what_is_no_domain_is_refused(access: Any, name: str) -> None:
    with pytest.raises(ValidationFailed):
        services.add_domain(access, name)


def test_a_domain_is_registered_once_in_any_case(access: Any) -> None:
    with pytest.raises(ValidationFailed):
        services.add_domain(access, "SHOP.example.com")


def test_domains_of_other_workspaces_do_not_count(access: Any) -> None:
    with pytest.raises(ValidationFailed) as refused:
        make_link(make_access())
    assert refused.value.code == "link_domain"


def test_only_administrators_decide_on_domains(access: Any) -> None:
    analyst = make_access(access.workspace, "analyst")
    with pytest.raises(PermissionDenied):
        services.add_domain(analyst, "other.example.com")
    with pytest.raises(PermissionDenied):
        services.delete_domain(analyst, LinkDomain.objects.get())


def test_a_domain_that_active_links_lead_to_stays(access: Any) -> None:
    link, domain = make_link(access), LinkDomain.objects.get()
    with pytest.raises(Conflict):
        services.delete_domain(access, domain)
    services.stop(access, link)
    services.delete_domain(access, domain)
    with pytest.raises(ValidationFailed):
        services.extend(access, link, 7)


def test_parameters_are_put_behind_the_targets_own() -> None:
    target = "https://shop.example.com/a?b=c#d"
    assert (
        targets.with_query(target, "utm_source=x&ph=abc&e=%26")
        == "https://shop.example.com/a?b=c&utm_source=x&e=%26#d"
    )
    assert targets.with_query(target, "ph=abc") == target
