from __future__ import annotations

import importlib.util
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tokenguard.errors import ConfigError, UsageError
from tokenguard.intercept import store
from tokenguard.intercept.authority import LIFETIME

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NAMES = ("api.anthropic.com", "api.openai.com")


def test_runs_share_one_for_as_long_as_it_has_half_of_its_life_left(tmp_path: Path) -> None:
    first = store.obtain(tmp_path, NAMES, NOW)
    assert store.obtain(tmp_path, NAMES, NOW + LIFETIME / 2).id == first.id
    later = store.obtain(tmp_path, NAMES, NOW + LIFETIME / 2 + timedelta(seconds=1))
    assert later.id != first.id
    # Those that began with the first one still need it.
    assert store.load(tmp_path, first.id) is not None


def test_what_has_expired_goes(tmp_path: Path) -> None:
    first = store.obtain(tmp_path, NAMES, NOW)
    store.obtain(tmp_path, NAMES, NOW + LIFETIME)
    assert store.load(tmp_path, first.id) is None
    assert len(store.all_of(tmp_path)) == 1


def test_other_providers_need_another_one(tmp_path: Path) -> None:
    first = store.obtain(tmp_path, NAMES, NOW)
    second = store.obtain(tmp_path, (*NAMES, "models.corp"), NOW)
    assert second.names == (*NAMES, "models.corp") and second.id != first.id
    assert store.obtain(tmp_path, NAMES, NOW).id == first.id


def test_nobody_else_can_read_the_key(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = store.obtain(tmp_path / "state", NAMES, NOW)
    finally:
        os.umask(before)
    file = store.file_of(tmp_path / "state", made.id)
    modes = [path.stat().st_mode & 0o777 for path in (file, file.parent, file.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660])
def test_a_key_that_others_may_read_is_not_used(tmp_path: Path, mode: int) -> None:
    made = store.obtain(tmp_path, NAMES, NOW)
    file = store.file_of(tmp_path, made.id)
    file.chmod(mode)
    with pytest.raises(ConfigError, match=f"others may read the key in {file}"):
        store.load(tmp_path, made.id)
    assert store.obtain(tmp_path, NAMES, NOW).id != made.id


def test_a_damaged_file_is_passed_over(tmp_path: Path) -> None:
    made = store.obtain(tmp_path, NAMES, NOW)
    store.file_of(tmp_path, made.id).write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="cannot be read"):
        store.load(tmp_path, made.id)
    assert store.obtain(tmp_path, NAMES, NOW).id != made.id


@pytest.mark.parametrize("identity", ["", "..", "../../etc/passwd", "0" * 16, "A" * 16, "0" * 17, "tokenguard"])
def test_an_id_that_is_none_leads_nowhere(tmp_path: Path, identity: str) -> None:
    (tmp_path / "tokenguard.pem").write_text("x")
    assert store.load(tmp_path, identity) is None


def test_without_the_extra_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> None:
        assert name == "cryptography"

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    with pytest.raises(UsageError) as told:
        store.obtain(tmp_path, NAMES, NOW)
    assert "\n" not in str(told.value)
    assert told.value.hint == "install tokenguard[intercept], or: pipx inject tokenguard cryptography"
