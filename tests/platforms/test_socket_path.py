"""Where the control socket is."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from tokenguard import platforms
from tokenguard.errors import DaemonError


def test_a_short_folder_holds_its_own_socket() -> None:
    assert platforms.socket_path(Path("/home/u/.local/state/tokenguard")) == Path(
        "/home/u/.local/state/tokenguard/daemon.sock"
    )


@pytest.mark.parametrize("deep", ["/home/" + "d" * 90, "/home/" + "ü" * 45], ids=["characters", "bytes"])
def test_a_deep_folder_has_a_short_one_of_its_own(deep: str) -> None:
    path = platforms.socket_path(Path(deep))

    assert len(os.fsencode(path)) <= platforms.MAX_SOCKET_PATH
    assert path.parent.parent == Path("/tmp")
    assert str(os.getuid()) in path.parent.name
    assert path == platforms.socket_path(Path(deep))
    assert path != platforms.socket_path(Path(deep + "x"))


def test_the_longest_path_that_is_kept_can_be_bound(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * (platforms.MAX_SOCKET_PATH - len(f"{tmp_path}//daemon.sock")))
    folder.mkdir()
    path = platforms.socket_path(folder)
    assert path.parent == folder
    assert len(os.fsencode(path)) == platforms.MAX_SOCKET_PATH

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def test_ones_own_folder_is_accepted(tmp_path: Path) -> None:
    platforms.check_owner(tmp_path)


def test_a_link_is_not(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")

    with pytest.raises(DaemonError, match="another user"):
        platforms.check_owner(tmp_path / "link")


def test_another_users_folder_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: somebody)

    with pytest.raises(DaemonError, match="another user"):
        platforms.check_owner(tmp_path)


def test_native_windows_is_pointed_to_wsl(monkeypatch: pytest.MonkeyPatch) -> None:
    assert platforms.unsupported() is None
    monkeypatch.setattr(sys, "platform", "win32")
    assert "WSL" in (platforms.unsupported() or "")
