from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tokenguard.platforms.mounts import Mount, mounts, tells_changes

MOUNTS = (
    Mount("/", "ext4"),
    Mount("/home", "nfs4"),
    Mount("/home/me/local", "xfs"),
    Mount("/mnt/c", "9p"),
    Mount("/mnt/box", "fuse.sshfs"),
    Mount("/mnt/usb", "fuseblk"),
    Mount("/srv", "ext4"),
    Mount("/srv", "cifs"),
)


@pytest.mark.parametrize(
    ("folder", "tells"),
    [
        ("/var/logs", True),
        ("/home/me/.claude", False),
        ("/home", False),
        ("/homes/me", True),
        ("/home/me/local/.claude", True),
        ("/mnt/c/Users/me/.claude", False),
        ("/mnt/box/x", False),
        ("/mnt/usb/x", True),
        ("/srv/x", False),
    ],
)
def test_only_disks_of_this_machine_tell(folder: str, tells: bool) -> None:
    assert tells_changes(Path(folder), lambda: MOUNTS) is tells


def test_a_link_is_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "share")
    shared = (Mount("/", "ext4"), Mount(str((tmp_path / "share").resolve()), "nfs"))
    assert not tells_changes(tmp_path / "link" / "projects", lambda: shared)


def test_a_system_that_does_not_say_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*, all: bool) -> list[object]:
        raise PermissionError

    monkeypatch.setattr(psutil, "disk_partitions", fails)
    assert mounts() == ()
    assert tells_changes(Path("/home/me"))


def test_the_root_of_this_machine_is_among_them() -> None:
    assert "/" in {mount.folder for mount in mounts()}
