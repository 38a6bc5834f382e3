"""Audiences that hold hashes of an ID, as those of omni-domain insight do: registered devices are found by them."""

from __future__ import annotations

from typing import Any

import pytest

from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from insight.audiences import outside
from insight.audiences.models import Audience
from insight.omni import audiences as omni_audiences
from marketing.channels import services as channels
from marketing.channels.models import Provider
from marketing.delivery import (
    checking,
    offering,
    reach_page,
    reachability,
    result_audience,
    suppressions,
)
from marketing.devices import registry
from marketing.devices.models import PushDevice
from tests.insight.omni import world as omni
from tests.marketing.delivery.app_shop import AppShop
from tests.marketing.delivery.push_shop import imei


def phone(shop: AppShop, app: Provider, value: str) -> PushDevice:
    made = shop.phone(app, 0)
    return registry.register(app, "android", {"token": made.address["token"]}, {"imei": value})


def hashed(shop: AppShop, values: list[str], form: Any = "md5", name: str = "Hashes") -> Audience:
    """An uploaded audience of the hashes of phones."""
    ids = [ID_TYPES["imei"].hash(value, form) for value in values]
    audience, _job = outside.of_ids(shop.access, ids, "ids.csv", "imei", {"name": name}, encryption=form)
    shop.run_jobs()
    return Audience.objects.select_related("workspace", "current").get(pk=audience.pk)


@pytest.fixture
def app(app_shop: AppShop) -> Provider:
    return app_shop.fcm(id_type="imei")


@pytest.mark.parametrize("form", ["md5", "sha256"])
def test_registered_devices_are_found_by_hashes(app_shop: AppShop, app: Provider, form: str) -> None:
    for number in (10, 11):
        phone(app_shop, app, imei(number))
    audience = hashed(app_shop, [imei(number) for number in (10, 11, 12)], form)
    assert reach_page.with_device(app_shop.workspace, app.pk, [audience], [], "imei") == 2
    row = app_shop.submit(app_shop.notice(app, audience))
    assert row.state == "finished", row.state_reason
    assert app_shop.states(row) == {"handed": 2, "filtered": 1}
    assert app_shop.reasons(row) == {"no_device": 1}
    assert len(app_shop.pushed()) == 2


def test_an_omni_audience_is_written_to(app_shop: AppShop, app: Provider) -> None:
    access, run_jobs = app_shop.access, app_shop.run_jobs
    omni.installed(access, run_jobs)
    ids = [omni.imei(number) for number in range(40)]
    omni.brought_in(access, omni.uploaded(access, "Devices", ids, run_jobs), run_jobs)
    groups = [{"op": "union", "items": [{"op": "union", "tag": "style", "values": ["bold"]}]}]
    made = omni_audiences.create(access, {"name": "Bold", "groups": groups, "public": True})
    run_jobs()
    audience = Audience.objects.select_related("workspace", "current").get(pk=made.pk)
    bold = [number for number in range(40) if omni.style(number) == "bold"]
    for number in (bold[0], bold[1], next(n for n in range(40) if n not in bold)):
        phone(app_shop, app, omni.imei(number))
    assert not offering.refusal(audience, ["imei", "idfa"], hashes=True)
    row = app_shop.submit(app_shop.notice(app, audience))
    assert row.state == "finished", row.state_reason
    assert app_shop.states(row) == {"handed": 2, "filtered": len(bold) - 2}


def test_who_wants_no_messages_is_left_out_though_known_by_a_hash(app_shop: AppShop, app: Provider) -> None:
    for number in (10, 11):
        phone(app_shop, app, imei(number))
    suppressions.add(app_shop.access, "push", imei(10))
    row = app_shop.submit(app_shop.notice(app, hashed(app_shop, [imei(10), imei(11)])))
    assert app_shop.reasons(row) == {"suppressed": 1}
    assert app_shop.states(row) == {"handed": 1, "filtered": 1}


def test_hashes_are_compared_in_any_case_and_excluded_by_hashes(app_shop: AppShop, app: Provider) -> None:
    for number in (10, 11):
        phone(app_shop, app, imei(number))
    everybody = hashed(app_shop, [imei(10), imei(11)])
    not_them = hashed(app_shop, [imei(11)], name="Not them")
    row = app_shop.submit(app_shop.notice(app, everybody, exclude=[not_them]))
    assert app_shop.states(row) == {"handed": 1, "filtered": 1}
    assert app_shop.reasons(row) == {"excluded": 1}


def test_hashes_and_plain_ids_do_not_go_together(app_shop: AppShop, app: Provider) -> None:
    listed = hashed(app_shop, [imei(10)])
    plain = omni.uploaded(app_shop.access, "Plain", [imei(10)], app_shop.run_jobs)
    with pytest.raises(ValidationFailed) as caught:
        app_shop.notice(app, listed, audiences=[listed, plain])
    assert "audiences" in caught.value.errors


def test_channels_without_registered_devices_refuse_hashes(app_shop: AppShop) -> None:
    config = {"app_key": "k", "master_secret": "sandbox", "base_url": f"{app_shop.sandbox.url}/upush"}
    values = {"channel": "push", "type": "upush_android", "name": "U-Push", "config": config}
    upush = channels.create_provider(app_shop.access, values)
    listed = hashed(app_shop, [imei(10)])
    assert offering.refusal(listed, ["imei"])
    with pytest.raises(ValidationFailed) as caught:
        app_shop.notice(upush, listed)
    assert "audience" in str(caught.value.errors)


def test_the_check_before_sending_counts_hashes(app_shop: AppShop, app: Provider) -> None:
    phone(app_shop, app, imei(10))
    listed = hashed(app_shop, [imei(10), imei(11)])
    draft = app_shop.notice(app, listed)
    assert checking.estimate(draft).people == 2
    planned = reachability.planned(app_shop.workspace, "push")
    [found] = reachability.count(planned, [listed], [], ["imei"])
    assert (found.people, found.with_id) == (2, 2)


def test_an_audience_of_the_result_holds_hashes_again(app_shop: AppShop, app: Provider) -> None:
    phone(app_shop, app, imei(10))
    row = app_shop.submit(app_shop.notice(app, hashed(app_shop, [imei(10)])))
    made, _job = result_audience.make(app_shop.access, row, ["no_report"], {"name": "Again"})
    app_shop.run_jobs()
    made.refresh_from_db()
    assert made.current is not None and made.current.encryption_of("imei") == "md5"
    again = app_shop.submit(app_shop.notice(app, made, "Once more"))
    assert app_shop.states(again) == {"handed": 1}
