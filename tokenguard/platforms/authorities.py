"""The certificate authorities that this system trusts, as one file that programs can be given."""

from __future__ import annotations

import ssl
from pathlib import Path

_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",  # older ones of these
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS
)
"""Where systems keep them, as Go's crypto/x509 knows it."""


def system_authorities() -> str | None:
    """Them in PEM; None where they are not found."""
    for file in (*_FILES, ssl.get_default_verify_paths().openssl_cafile):
        try:
            return Path(file).read_text("utf-8", "replace")
        except OSError:
            continue
    return None
