"""The teams that this machine is in are there again, and a damaged file is an error rather than no team."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.config.memberships import FOLDER, Membership, folder, read_memberships, save_memberships
from tokenguard.config.paths import Paths
from tokenguard.errors import ConfigError
from tokenguard.records.teams import TeamBudget, TeamPolicy

WEB = Membership(
    TeamPolicy("web", mode="rights", budgets=(TeamBudget("month", 500_000_000_000),), treasurer="a/b"),
    "a1",
    "b2",
    {"/src/web": 17},
    clone="/src/web",
)
SHOP = Membership(TeamPolicy("web", backend="postgres", mode="leases", repository="shop"), "ann", "b2", {"/shop": 5})


def test_they_are_there_again(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "config", tmp_path / "state")
    assert read_memberships(paths) == ()
    save_memberships(paths, [WEB, SHOP])
    assert read_memberships(paths) == (WEB, SHOP)
    save_memberships(paths, [SHOP])
    assert read_memberships(paths) == (SHOP,)


def test_each_has_a_folder_of_its_own(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path)
    assert folder(paths, WEB.name) != folder(paths, SHOP.name)
    assert [WEB.name, SHOP.name] == ["web", "web@shop"]


def test_nobody_else_can_read_them(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path / "state")
    save_memberships(paths, [WEB])
    assert (tmp_path / "state" / FOLDER / "memberships.json").stat().st_mode & 0o077 == 0
    assert (tmp_path / "state" / FOLDER).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damaged", [b"", b"[{", b'[{"policy": {"name": "web"}}]', b"{}"])
def test_a_damaged_file_is_an_error(tmp_path: Path, damaged: bytes) -> None:
    paths = Paths(tmp_path, tmp_path)
    save_memberships(paths, [WEB])
    (tmp_path / FOLDER / "memberships.json").write_bytes(damaged)
    with pytest.raises(ConfigError, match=r"memberships\.json cannot be read"):
        read_memberships(paths)
