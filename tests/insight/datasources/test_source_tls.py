"""Encrypted connections to a server whose certificate was signed by an authority of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cdp import lake
from cdp.core.errors import ValidationFailed
from insight.datasources.connections import feeds, services
from tests.factories import make_access
from tests.insight.datasources import servers
from tests.insight.datasources.servers import Server


def signed(name: str, issuer: Any = None) -> tuple[Any, Any]:
    """A key and a certificate for a name: an authority's own, or one that `issuer` (of the same shape) signs."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuing_key, issued_by = (issuer[0], issuer[1].subject) if issuer else (key, subject)
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing_key.public_key()), critical=False
        )
    )
    if issuer is None:
        usage = dict.fromkeys(
            [
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ],
            False,
        )
        builder = builder.add_extension(
            x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True
        )
    return key, builder.sign(issuing_key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    return tmp_path / "authority.pem"


@pytest.fixture
def server(db: None, tmp_path: Path, authority: Path) -> Iterator[Server]:
    """A MariaDB with a certificate for localhost."""
    signer = signed("Authority of the tests")
    key, certificate = signed("localhost", signer)
    pem = serialization.Encoding.PEM
    authority.write_bytes(signer[1].public_bytes(pem))
    (tmp_path / "server.pem").write_bytes(certificate.public_bytes(pem))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    options = [f"--ssl-cert={tmp_path}/server.pem", f"--ssl-key={tmp_path}/key.pem"]
    with servers.mysql_server(*options) as process, servers.fresh_mysql(process) as found:
        found.run("CREATE TABLE members (id integer)", "INSERT INTO members VALUES (1), (2)")
        process.run(f"ALTER USER {found.user}@localhost REQUIRE SSL")
        yield found


@pytest.mark.parametrize("tls", ["prefer", "require", "verify"])
def test_tables_are_copied_over_an_encrypted_connection(
    server: Server, authority: Path, tls: str, run_jobs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account may not come unencrypted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    access = make_access()
    given = server.settings(tls=tls, host="localhost")
    found = services.test(access, given)
    assert found.ok and found.steps[2]["detail"].startswith("TLS"), found.as_json()
    table, _job = feeds.bring_in(access, services.create(access, given), {"table": "members"})
    run_jobs()
    table.refresh_from_db()
    assert lake.row_count(access.workspace, table.lake_table) == 2


def test_a_certificate_of_a_strange_authority_or_for_another_name_is_refused(
    server: Server, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = make_access()
    with pytest.raises(ValidationFailed) as strange:
        services.create(access, server.settings(tls="verify", host="localhost"))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with pytest.raises(ValidationFailed) as other:
        services.create(access, server.settings(tls="verify", host="127.0.0.1"))
    assert [error.value.code for error in (strange, other)] == ["tls_failed", "tls_failed"]
    assert "127.0.0.1" in str(other.value)


def test_an_account_that_must_encrypt_is_refused_without(server: Server) -> None:
    found = services.test(make_access(), server.settings(tls="disable", host="localhost"))
    assert found.as_json()["code"] == "auth_failed"
