"""The limits of an authority, as OpenSSL enforces them: by handshakes between its own two ends."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tokenguard.config.settings import PROVIDERS
from tokenguard.intercept import hosts
from tokenguard.intercept.authority import LEAF_LIFETIME, LIFETIME, Authority, issue, make, read

NOW = datetime.now(UTC).replace(microsecond=0)
NAMES = ("api.anthropic.com", "githubcopilot.com")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make(NAMES, NOW)


def shake_hands(folder: Path, trusted: Authority, chain: bytes, host: str) -> None:
    """Raises what the client finds wrong with the certificate that the server shows."""
    (folder / "chain.pem").write_bytes(chain)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(folder / "chain.pem")
    client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # As Python does by default from 3.13 on.
    client_side.verify_flags |= ssl.VERIFY_X509_STRICT
    client_side.load_verify_locations(cadata=trusted.pem.decode())
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    done: set[ssl.SSLObject] = set()
    while len(done) < 2:
        for end in (client, server):
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                pass


@pytest.mark.parametrize("host", ["api.anthropic.com", "deep.api.anthropic.com", "api.business.githubcopilot.com"])
def test_it_vouches_for_the_hosts_it_was_made_for_and_those_below(
    tmp_path: Path, authority: Authority, host: str
) -> None:
    shake_hands(tmp_path, authority, issue(authority, host, NOW), host)


@pytest.mark.parametrize(
    "host", ["example.com", "anthropic.com", "xapi.anthropic.com", "api.anthropic.com.example.com", "127.0.0.1", "::1"]
)
def test_a_client_refuses_what_it_signs_for_any_other(tmp_path: Path, authority: Authority, host: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation|excluded subtree violation"):
        shake_hands(tmp_path, authority, issue(authority, host, NOW), host)


def test_a_certificate_is_for_its_host_only(tmp_path: Path, authority: Authority) -> None:
    chain = issue(authority, "api.anthropic.com", NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(tmp_path, authority, chain, "api.githubcopilot.com")


def test_what_it_signs_cannot_sign_others(tmp_path: Path, authority: Authority) -> None:
    leaf = read("0" * 16, issue(authority, "api.anthropic.com", NOW))
    below = Authority("1" * 16, authority.certificate, leaf.key)
    chain = issue(below, "api.anthropic.com", NOW) + leaf.pem
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(tmp_path, authority, chain, "api.anthropic.com")


def test_another_authority_is_not_trusted(tmp_path: Path, authority: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(tmp_path, make(NAMES, NOW), issue(authority, "api.anthropic.com", NOW), "api.anthropic.com")


@pytest.mark.parametrize("past", [LIFETIME, LEAF_LIFETIME])
def test_certificates_expire(tmp_path: Path, past: timedelta) -> None:
    then = NOW - past - timedelta(seconds=2)
    old = make(NAMES, then)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shake_hands(tmp_path, old, issue(old, "api.anthropic.com", then), "api.anthropic.com")


def test_no_certificate_outlives_its_authority(authority: Authority) -> None:
    late = authority.expires - timedelta(minutes=5)
    leaf = x509.load_pem_x509_certificate(issue(authority, "api.anthropic.com", late))
    assert leaf.not_valid_after_utc == authority.expires


@pytest.mark.parametrize("address", ["10.1.2.3", "fd00::5"])
def test_a_provider_may_be_known_by_its_address(tmp_path: Path, address: str) -> None:
    own = make((*NAMES, address), NOW)
    shake_hands(tmp_path, own, issue(own, address, NOW), address)
    with pytest.raises(ssl.SSLCertVerificationError, match="subtree violation"):
        shake_hands(tmp_path, own, issue(own, "10.9.9.9", NOW), "10.9.9.9")


def test_clients_must_heed_its_limits_or_refuse_it(authority: Authority) -> None:
    extensions = authority.certificate.extensions
    limits = extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert authority.names == NAMES
    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical and basic.value.ca and basic.value.path_length == 0
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_it_can_be_kept_and_read_again(tmp_path: Path, authority: Authority) -> None:
    again = read(authority.id, authority.secret_pem)
    assert (again.pem, again.names, again.expires) == (authority.pem, authority.names, authority.expires)
    shake_hands(tmp_path, authority, issue(again, "api.anthropic.com", NOW), "api.anthropic.com")


@pytest.mark.parametrize("text", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_not_one_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(ValueError):
        read("0" * 16, text)


def test_every_provider_s_host_can_be_vouched_for(tmp_path: Path) -> None:
    own = make(hosts.names(PROVIDERS, ()), NOW)
    for host in (
        "api.openai.com",
        "bedrock-runtime-fips.us-east-1.amazonaws.com",
        "us-west1-aiplatform.googleapis.com",
    ):
        shake_hands(tmp_path, own, issue(own, host, NOW), host)
    with pytest.raises(ssl.SSLCertVerificationError, match="subtree violation"):
        shake_hands(tmp_path, own, issue(own, "s3.us-east-1.amazonaws.com", NOW), "s3.us-east-1.amazonaws.com")


def test_two_are_never_taken_for_each_other() -> None:
    one, other = make(NAMES, NOW), make(NAMES, NOW)
    assert one.certificate.subject != other.certificate.subject and one.id != other.id


def test_its_key_is_not_shown(authority: Authority) -> None:
    assert repr(authority) == f"Authority({authority.id})"
