from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tokenguard.platforms import authorities


def test_those_of_this_system_can_be_read() -> None:
    found = authorities.system_authorities()
    if found is None:
        pytest.skip("this system keeps them elsewhere")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=found)
    assert context.cert_store_stats()["x509_ca"] > 10


def test_the_first_file_that_is_there_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = tuple(str(tmp_path / name) for name in ("gone", "one", "two"))
    monkeypatch.setattr(authorities, "_FILES", files)
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    assert authorities.system_authorities() == "one"
