"""Send-outs to IDs that are AES-encrypted with the organization's key."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import pytest
from django.db import connection

from admin_center.organizations import id_key
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from cdp.crypto.customer_ids import encrypt_id
from insight.audiences import outside
from insight.audiences import queries as audiences
from insight.audiences.models import Audience
from marketing.delivery import ledger, queries, result_audience, services
from marketing.delivery.models import SendOut
from tests.factories import make_access
from tests.marketing.delivery.shop import Shop

KEY = "0123456789ABCDEF"
KNOWN = "D/sJzgv2sHWBONDIZXW/Eg=="
"""13800138000 under the key."""


def set_key(shop: Shop, key: str = KEY) -> None:
    shop.access.user.is_manager = True
    id_key.put(shop.access, key)


def encrypted(shop: Shop, ids: Sequence[str], name: str = "List", id_type: str = "mobile") -> Audience:
    given = {"id_type": id_type, "encryption": "aes", "name": name}
    content = "".join(f"{value}\n" for value in ids).encode()
    audience, _job = outside.upload(shop.access, BytesIO(content), "list.csv", given)
    shop.run_jobs()
    audience.refresh_from_db()
    assert audience.count == len(set(ids))
    return audience


def reasons(send_out: SendOut) -> dict[str, int]:
    return {row["reason"]: row["count"] for row in queries.reasons(send_out)}


def test_the_platform_gets_the_number_behind_the_cipher_text(sms_shop: Shop) -> None:
    set_key(sms_shop)
    audience = encrypted(sms_shop, [KNOWN, encrypt_id("+86 13800138001", KEY)])
    sent = sms_shop.submit(sms_shop.sms(audience))
    assert sent.state == "finished" and sent.encrypted is True
    assert set(sms_shop.inbox()) == {"13800138000", "13800138001"}


def test_mails_go_to_decrypted_addresses(shop: Shop) -> None:
    set_key(shop)
    audience = encrypted(shop, [encrypt_id("ann@x.example", KEY)], id_type="email")
    assert shop.submit(shop.mail(audience)).state == "finished"
    assert set(shop.inbox()) == {"ann@x.example"}


def test_without_a_key_nothing_is_submitted(shop: Shop) -> None:
    send_out = shop.sms(encrypted(shop, [KNOWN]))
    with pytest.raises(Conflict) as refused:
        services.submit(shop.access, send_out)
    assert refused.value.code == "id_key_missing"
    set_key(shop)
    assert services.submit(shop.access, send_out).state == "sending"


def test_what_cannot_be_decrypted_is_counted_and_the_others_get_it(sms_shop: Shop) -> None:
    set_key(sms_shop)
    good = [encrypt_id(f"1380013800{digit}", KEY) for digit in range(4)]
    bad = ["13800138009", "AAAAAAAAAAAAAAAAAAAAAA=="]
    sent = sms_shop.submit(sms_shop.sms(encrypted(sms_shop, [*good, *bad])))
    assert sent.state == "finished" and len(sms_shop.inbox()) == 4
    assert reasons(sent) == {"undecryptable": 2}


def test_what_is_decrypted_to_no_number_is_not_valid(sms_shop: Shop) -> None:
    set_key(sms_shop)
    sent = sms_shop.submit(sms_shop.sms(encrypted(sms_shop, [KNOWN, encrypt_id("12345", KEY)])))
    assert reasons(sent) == {"invalid": 1}


def test_a_wrong_key_stops_it_before_anybody_is_written_to(sms_shop: Shop) -> None:
    set_key(sms_shop, "0123456789abcdef")
    ids = [encrypt_id(f"138001380{number:02}", KEY) for number in range(20)]
    sent = sms_shop.submit(sms_shop.sms(encrypted(sms_shop, ids)))
    assert sent.state == "failed" and "Wrong key or not AES" in sent.state_reason
    assert not sms_shop.inbox() and not sent.recipients.exists()


def test_the_switch_decides_against_what_the_audience_says(sms_shop: Shop) -> None:
    set_key(sms_shop)
    off = sms_shop.sms(encrypted(sms_shop, [KNOWN]), "Off", encrypted=False)
    sent = sms_shop.submit(off)
    assert sent.state == "failed" and reasons(sent) == {"invalid": 1}


def test_audiences_in_other_forms_are_not_mixed(shop: Shop) -> None:
    plain = {"id_type": "mobile", "name": "Plain"}
    other, _job = outside.upload(shop.access, BytesIO(b"13800138000\n"), "list.csv", plain)
    shop.run_jobs()
    other.refresh_from_db()
    with pytest.raises(ValidationFailed) as refused:
        shop.sms(encrypted(shop, [KNOWN]), exclude=[other])
    assert "Plain" in refused.value.errors["exclude"][0]


def test_who_is_left_out_is_found_by_the_cipher_text(sms_shop: Shop) -> None:
    set_key(sms_shop)
    other = encrypt_id("13800138001", KEY)
    audience = encrypted(sms_shop, [KNOWN, other])
    sent = sms_shop.submit(sms_shop.sms(audience, exclude=[encrypted(sms_shop, [other], "Without")]))
    assert set(sms_shop.inbox()) == {"13800138000"} and reasons(sent) == {"excluded": 1}


def test_the_number_stands_nowhere_in_the_database(sms_shop: Shop) -> None:
    set_key(sms_shop)
    sent = sms_shop.submit(sms_shop.sms(encrypted(sms_shop, [KNOWN])))
    sms_shop.poll()
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', ["%13800138000%"])
            assert cursor.fetchone() == (0,), table
    assert sent.recipients.get().target == "13800138000"


def test_nobody_sees_the_decrypted_number_in_full(sms_shop: Shop) -> None:
    set_key(sms_shop)
    sent = sms_shop.submit(sms_shop.sms(encrypted(sms_shop, [KNOWN])))
    assert sms_shop.access.can("marketing.recipients.unmask")
    [row] = ledger.shown(sent.recipients.all(), sent, sms_shop.access)
    assert row["target"] == "***8000" and row["person"] == KNOWN
    file = b"".join(ledger.export(sms_shop.access, sent, sent.recipients.order_by("pk")))
    assert b"13800138000" not in file and b"***8000" in file


def test_an_audience_of_its_results_holds_cipher_texts(sms_shop: Shop) -> None:
    set_key(sms_shop)
    sent = sms_shop.submit(sms_shop.sms(encrypted(sms_shop, [KNOWN])))
    sms_shop.poll()
    made, _job = result_audience.make(sms_shop.access, sent, ["delivered"], {"name": "Got it"})
    sms_shop.run_jobs()
    made.refresh_from_db()
    version: Any = audiences.latest_version(made)
    people = [row for batch in audiences.member_batches(version) for row in batch.to_pylist()]
    assert [row["user_unique_id"] for row in people] == [KNOWN]
    assert audiences.id_types(made)[0]["encryption"] == "aes"


class TestKey:
    def test_it_is_set_once_by_a_manager(self, db: None) -> None:
        access = make_access()
        access.user.is_manager = True
        id_key.put(access, KEY)
        assert id_key.of(access.workspace) == KEY
        with pytest.raises(Conflict):
            id_key.put(access, "F" * 16)

    def test_nobody_else_sets_it(self, db: None) -> None:
        access = make_access()
        access.user.is_manager = False
        with pytest.raises(PermissionDenied):
            id_key.put(access, KEY)

    @pytest.mark.parametrize("key", ["", "0123456789ABCDE", "0123456789ABCDEG", "0" * 32])
    def test_it_has_16_hexadecimal_characters(self, db: None, key: str) -> None:
        access = make_access()
        access.user.is_manager = True
        with pytest.raises(ValidationFailed):
            id_key.put(access, key)

    def test_the_page_and_the_api_never_show_it(self, db: None, client: Any) -> None:
        access = make_access()
        access.user.is_manager = True
        access.user.save()
        client.force_login(access.user)
        page = f"/w/{access.workspace.slug}/admin/settings/id-key/"
        assert client.post(page, {"key": KEY}).status_code == 302
        assert KEY not in client.get(page).content.decode()
        api = f"/api/v1/workspaces/{access.workspace.slug}/settings/id-key/"
        assert client.get(api).json() == {"is_set": True}
        again = client.put(api, {"key": KEY}, content_type="application/json")
        assert again.status_code == 409 and again.json()["code"] == "id_key_set"
