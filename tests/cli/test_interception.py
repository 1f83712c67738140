"""`tokenguard doctor` on the keys that `run --intercept` keeps."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tokenguard.cli.findings import Finding
from tokenguard.cli.interception import authorities
from tokenguard.config.paths import Paths
from tokenguard.intercept import store
from tokenguard.intercept.authority import LIFETIME

NOW = datetime.now(UTC)
NAMES = ("api.anthropic.com",)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path, tmp_path)


def only(paths: Paths) -> Finding:
    (finding,) = authorities(paths)
    assert finding.check == "intercept"
    return finding


def test_none_is_fine(paths: Paths) -> None:
    assert only(paths).state == "ok"


def test_one_is_fine_and_says_how_long(paths: Paths) -> None:
    made = store.obtain(paths.state_dir, NAMES, NOW)
    found = only(paths)
    assert found.state == "ok"
    assert made.id in found.detail and f"until {NOW + LIFETIME:%Y-%m-%d}" in found.detail


def test_one_that_has_expired_is_left_over(paths: Paths) -> None:
    made = store.obtain(paths.state_dir, NAMES, NOW - LIFETIME - timedelta(days=1))
    found = only(paths)
    assert (found.state, found.remedy) == ("warn", f"rm {store.file_of(paths.state_dir, made.id)}")
    assert "expired" in found.detail


def test_a_key_that_others_may_read_is_a_fault(paths: Paths) -> None:
    file = store.file_of(paths.state_dir, store.obtain(paths.state_dir, NAMES, NOW).id)
    file.chmod(0o644)
    found = only(paths)
    assert (found.state, found.remedy) == ("fail", f"rm {file}")
    assert "others may read the key" in found.detail


@pytest.mark.parametrize(("name", "state"), [("0123456789abcdef.pem", "fail"), ("other.pem", "warn")])
def test_a_file_that_is_no_authority_is_told_of(paths: Paths, name: str, state: str) -> None:
    file = paths.state_dir / store.FOLDER / name
    file.parent.mkdir()
    file.touch(0o600)
    found = only(paths)
    assert found.state == state
    assert str(file) in found.detail


@pytest.mark.parametrize("left", [False, True])
def test_without_the_extra_nothing_is_wrong_unless_keys_are_left(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, left: bool
) -> None:
    if left:
        store.obtain(paths.state_dir, NAMES, NOW)

    def find_spec(name: str) -> None:
        """Nothing is installed."""

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    found = only(paths)
    assert found.state == ("warn" if left else "ok")
    assert "pipx inject tokenguard cryptography" in found.detail or left
