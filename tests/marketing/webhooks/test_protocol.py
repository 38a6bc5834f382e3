"""What a webhook is sent and how it is signed."""

from __future__ import annotations

from marketing.webhooks import protocol

KEY, STAMP, NONCE = "123456789", "1631865523", "2e6eceb5737b473284c930c8ef79090e"
SIGNED = "459fa2f7e79389c337e6b2077538fb9408241e79715b2f40dfa6c2757e2ecce8"


def test_the_signature_equals_the_documented_example() -> None:
    assert protocol.signature(KEY, STAMP, NONCE) == SIGNED


def test_without_a_key_the_signature_is_empty() -> None:
    assert protocol.signature("", STAMP, NONCE) == protocol.body_signature("", STAMP, NONCE, b"{}") == ""


def test_white_space_in_what_is_signed_plays_no_part() -> None:
    assert protocol.signature(KEY, f"{STAMP}\t", f"{NONCE}\n") == SIGNED


def test_all_fourteen_id_types_have_a_name_of_their_own() -> None:
    from cdp.core.identifiers import ID_TYPES

    assert set(protocol.TARGET_TYPES) == set(ID_TYPES)
    assert len(set(protocol.TARGET_TYPES.values())) == 14


def test_every_value_of_the_body_is_text_and_placeholders_stay() -> None:
    body = protocol.body(
        id_type="mac",
        target="02:00:5E:10:00:01",
        parameters={"text": "Dear ${name}", "count": 3},
        texts={"name": "Ann"},
        task="snd_1",
        webhook="whk_1",
        send_time=1700000000000,
    )
    assert body == {
        "user_profile": {"target_type": "MAC_ORG", "target_id": "02:00:5E:10:00:01"},
        "params": {"text": "Dear ${name}", "count": "3", "vars": {"name": "Ann"}},
        "callback_params": {"task_id": "snd_1", "webhook_id": "whk_1", "send_time": "1700000000000"},
    }


def test_without_variables_there_are_no_vars() -> None:
    body = protocol.body(
        id_type="mobile", target="1", parameters={"a": "b"}, texts={}, task="t", webhook="w", send_time=1
    )
    assert body["params"] == {"a": "b"}


def test_nonces_have_32_characters_and_differ() -> None:
    nonces = {protocol.new_nonce() for _ in range(100)}
    assert len(nonces) == 100 and {len(nonce) for nonce in nonces} == {32}
