"""Messages encrypted for a browser, compared with the standard's example and with an independent reader."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing.devices import encryption
from marketing.devices.encryption import b64, unb64
from marketing.sandbox import webpush

# RFC 8291, appendix A.
BROWSER_KEY = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
BROWSER_POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SENDER_KEY = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A"
    "_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_the_standard_comes_out_byte_by_byte() -> None:
    body = encryption.encrypt(
        b"When I grow up, I want to be a watermelon",
        BROWSER_POINT,
        AUTH,
        salt=unb64(SALT),
        key=encryption.private_key(SENDER_KEY),
    )
    assert b64(body) == BODY


@settings(max_examples=50, deadline=None)
@given(message=st.binary(max_size=encryption.LONGEST_MESSAGE))
def test_a_browser_reads_what_was_sent(message: bytes) -> None:
    private, auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
    body = encryption.encrypt(message, b64(webpush._point(private.public_key())), b64(auth))
    assert webpush.decrypt(body, private, auth) == message
    assert len(body) <= webpush.MOST_BYTES


def test_nobody_else_reads_it() -> None:
    body = encryption.encrypt(b"Hello", BROWSER_POINT, AUTH)
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(webpush.Refused):
        webpush.decrypt(body, other, unb64(AUTH))
    with pytest.raises(webpush.Refused):
        webpush.decrypt(body, encryption.private_key(BROWSER_KEY), os.urandom(16))


def test_a_message_that_no_push_service_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        encryption.encrypt(b"x" * (encryption.LONGEST_MESSAGE + 1), BROWSER_POINT, AUTH)
