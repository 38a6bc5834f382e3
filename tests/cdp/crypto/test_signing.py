"""Signed, expiring tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cdp.crypto.signing import BadToken, sign, unsign


def test_a_token_gives_its_payload_back() -> None:
    token = sign({"batch": "b1", "名": [1, None]}, timedelta(hours=1), purpose="file")
    assert unsign(token, purpose="file") == {"batch": "b1", "名": [1, None]}


def test_a_token_fits_into_a_url_as_it_is() -> None:
    token = sign({"text": "é中 /?&" * 20}, 60, purpose="file")
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_:.")


def test_a_token_of_another_purpose_is_refused() -> None:
    token = sign({}, 60, purpose="file")
    with pytest.raises(BadToken) as error:
        unsign(token, purpose="invitation")
    assert not error.value.expired


def test_a_changed_token_is_refused() -> None:
    token = sign({"batch": "b1"}, 60, purpose="file")
    other = sign({"batch": "b2"}, 60, purpose="file")
    mixed = other.split(":")[0] + token[token.index(":") :]
    with pytest.raises(BadToken):
        unsign(mixed, purpose="file")
    with pytest.raises(BadToken):
        unsign("", purpose="file")


def test_an_expired_token_says_so() -> None:
    token = sign({}, 0, purpose="file")
    with pytest.raises(BadToken) as error:
        unsign(token, purpose="file")
    assert error.value.expired
