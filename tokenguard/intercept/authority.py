"""A certificate authority that can vouch for providers' hosts only, and the certificates that it issues.

Everything here is made by the package `cryptography`; nothing of it touches a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

LIFETIME = timedelta(days=30)
LEAF_LIFETIME = timedelta(days=1)
_BACKDATED = timedelta(hours=1)
"""For clocks that are behind, in containers above all."""

_EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))


class Authority(Struct, frozen=True):
    """An authority with its key: not to be shown to anybody."""

    id: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def expires(self) -> datetime:
        return self.certificate.not_valid_after_utc

    @property
    def names(self) -> tuple[str, ...]:
        """DNS names and addresses for which it can vouch, sorted."""
        permitted = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
        return tuple(sorted(_text(name) for name in permitted or ()))

    @property
    def pem(self) -> bytes:
        """The certificate, for those who are to trust it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def secret_pem(self) -> bytes:
        """Key and certificate."""
        return _secret(self.key) + self.pem

    def __repr__(self) -> str:
        return f"Authority({self.id})"


def make(names: Iterable[str], now: datetime) -> Authority:
    """A new authority that can vouch for these DNS names, what is below them, and these addresses."""
    identity = os.urandom(8).hex()
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"tokenguard on this machine {identity}")])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    certificate = (
        _builder(subject, subject, key.public_key(), now, LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(_constraints(names), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(identity, certificate, key)


def read(identity: str, pem: bytes) -> Authority:
    """What `secret_pem` gave. Raises `ValueError` if it is not that."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is of another kind")
    return Authority(identity, x509.load_pem_x509_certificate(pem), key)


def issue(authority: Authority, host: str, now: datetime) -> bytes:
    """A certificate for one host, with a key of its own, in PEM. Who checks it will not take it for other names."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tokenguard")])
    lifetime = min(LEAF_LIFETIME, authority.expires - now)
    signer = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder(subject, authority.certificate.subject, key.public_key(), now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_name(host)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return _secret(key) + certificate.public_bytes(serialization.Encoding.PEM)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + lifetime)
    )


def _constraints(names: Iterable[str]) -> x509.NameConstraints:
    """Addresses are another kind of name: where none is permitted, all are excluded."""
    permitted = [_constraint(name) for name in names]
    has_address = any(isinstance(name, x509.IPAddress) for name in permitted)
    excluded = None if has_address else [x509.IPAddress(network) for network in _EVERYTHING]
    return x509.NameConstraints(permitted, excluded)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _constraint(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_network(name))
    except ValueError:
        return x509.DNSName(name)


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _text(name: x509.GeneralName) -> str:
    value = name.value
    return str(value.network_address) if isinstance(value, IPv4Network | IPv6Network) else str(value)


def _secret(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
