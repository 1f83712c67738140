from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tokenguard.intercept import store
from tokenguard.intercept.authority import LEAF_LIFETIME, LIFETIME, Authority
from tokenguard.intercept.certificates import Certificates

NOW = datetime.now(UTC)
HOST, OTHER = "api.anthropic.com", "api.openai.com"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return store.obtain(tmp_path, (HOST, OTHER), NOW)


def test_a_host_keeps_its_certificate_for_half_of_its_life(tmp_path: Path, authority: Authority) -> None:
    certificates = Certificates(tmp_path)
    first = certificates.context(authority.id, HOST, NOW)
    assert first is not None
    assert certificates.context(authority.id, HOST, NOW + LEAF_LIFETIME / 2 - timedelta(seconds=1)) is first
    later = certificates.context(authority.id, HOST, NOW + LEAF_LIFETIME / 2)
    assert later not in (None, first)
    assert certificates.context(authority.id, OTHER, NOW) not in (None, first, later)


def test_each_run_sees_those_of_the_authority_that_it_trusts(tmp_path: Path, authority: Authority) -> None:
    certificates = Certificates(tmp_path)
    newer = store.obtain(tmp_path, (HOST, OTHER), NOW + LIFETIME * 0.6)
    assert newer.id != authority.id
    contexts = [certificates.context(each.id, HOST, NOW) for each in (authority, newer)]
    assert None not in contexts and contexts[0] is not contexts[1]


def test_an_authority_that_was_used_once_is_not_read_again(tmp_path: Path, authority: Authority) -> None:
    """Others may have come to read it, or it may be gone: the runs that trust it go on."""
    certificates = Certificates(tmp_path)
    certificates.context(authority.id, HOST, NOW)
    store.file_of(tmp_path, authority.id).unlink()
    assert certificates.context(authority.id, OTHER, NOW) is not None


@pytest.mark.parametrize(
    ("host", "after"), [("example.com", timedelta()), ("xapi.openai.com", timedelta()), (HOST, LIFETIME)]
)
def test_where_there_can_be_none_there_is_none_and_the_log_says_why(
    tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture, host: str, after: timedelta
) -> None:
    assert Certificates(tmp_path).context(authority.id, host, NOW + after) is None
    assert ("has expired" in caplog.text) is (after > timedelta())
    assert (host in caplog.text) is (not after)


def test_no_key_of_a_host_stays_in_a_file(tmp_path: Path, authority: Authority) -> None:
    Certificates(tmp_path).context(authority.id, HOST, NOW)
    assert [file.name for file in (tmp_path / store.FOLDER).iterdir()] == [f"{authority.id}.pem"]
