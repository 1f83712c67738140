"""What the user agreed to: for one repository, and for one text."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from tokenguard.config.paths import Paths, find_paths
from tokenguard.config.trust import file_of, standing, trust, untrust
from tokenguard.errors import ConfigError
from tokenguard.records.teams import TeamBudget, TeamPolicy

POLICY = TeamPolicy("web", budgets=(TeamBudget("month", 5),), salt="0123456789abcdef")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return find_paths({"TOKENGUARD_HOME": str(tmp_path / "home")})


def test_nothing_is_trusted_that_nobody_was_asked_about(paths: Paths, tmp_path: Path) -> None:
    assert standing(paths, tmp_path, POLICY) == "unknown"
    assert not file_of(paths).exists()
    assert not untrust(paths, tmp_path)


def test_trust_is_of_one_repository_and_one_text(paths: Paths, tmp_path: Path) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    trust(paths, here, POLICY)
    assert standing(paths, here, POLICY) == "trusted"
    assert standing(paths, elsewhere, POLICY) == "unknown"
    assert standing(paths, here, replace(POLICY, remote="upstream")) == "changed"
    trust(paths, elsewhere, POLICY)
    assert untrust(paths, here)
    assert (standing(paths, here, POLICY), standing(paths, elsewhere, POLICY)) == ("unknown", "trusted")


def test_a_repository_is_the_same_by_whichever_way_one_comes_to_it(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    trust(paths, tmp_path / "link", POLICY)
    assert standing(paths, tmp_path / "real", POLICY) == "trusted"


def test_a_path_need_not_be_text(paths: Paths, tmp_path: Path) -> None:
    odd = tmp_path / "caf\udce9"
    trust(paths, odd, POLICY)
    assert standing(paths, odd, POLICY) == "trusted"


def test_nobody_else_may_read_or_write_it(paths: Paths, tmp_path: Path) -> None:
    trust(paths, tmp_path, POLICY)
    assert stat.S_IMODE(file_of(paths).stat().st_mode) == 0o600
    assert [file.name for file in paths.state_dir.iterdir()] == ["trusted.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"/src/web": 1}', "{"])
def test_a_damaged_file_is_not_one_that_trusts_nothing(paths: Paths, tmp_path: Path, text: str) -> None:
    paths.state_dir.mkdir()
    file_of(paths).write_text(text)
    for use in (lambda: standing(paths, tmp_path, POLICY), lambda: trust(paths, tmp_path, POLICY)):
        with pytest.raises(ConfigError, match=r"trusted\.json cannot be read.*tokenguard trust"):
            use()
    assert file_of(paths).read_text() == text
