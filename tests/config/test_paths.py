from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.config.paths import find_paths, make_private
from tokenguard.errors import ConfigError


def test_one_folder_for_everything_where_it_is_named(tmp_path: Path) -> None:
    paths = find_paths({"TOKENGUARD_HOME": str(tmp_path / "home")})
    assert {paths.config_file.parent, paths.ledger.parent, paths.lock.parent} == {tmp_path / "home"}


def test_the_platforms_folders_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    paths = find_paths({"TOKENGUARD_HOME": ""})
    assert paths.config_file.name == "config.toml"
    assert "tokenguard" in str(paths.ledger)
    assert not paths.config_dir.exists()


def test_a_relative_home_does_not_depend_on_where_the_daemon_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_paths({"TOKENGUARD_HOME": "here"}).state_dir == tmp_path / "here"


def test_folders_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be used: .*; make it writable, or set TOKENGUARD_HOME"):
        make_private(tmp_path / "file" / "home")
