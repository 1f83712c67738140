"""Which folders tell of every change to them: those on disks of this machine, and no others."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import psutil

SINGLE_FOLDERS = sys.platform == "linux"
"""Whether a folder can be watched by itself. FSEvents tells of all that is below it, however much that is."""


class Mount(NamedTuple):
    """A file system, and where it is."""

    folder: str
    kind: str
    """As the system calls it, such as `ext4` or `nfs4`."""


_SHARED = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs", "ncpfs", "afs", "coda"),
        *("ceph", "glusterfs", "lustre", "gpfs", "beegfs", "orangefs", "ocfs2", "gfs2"),
        *("9p", "drvfs", "virtiofs", "vboxsf", "vmhgfs", "prl_fs", "osxfs", "fakeowner", "macfuse", "osxfuse"),
    }
)
"""Network file systems, and folders that a virtual machine shares with the machine around it (WSL's among them)."""

_USERS = "fuse."
"""How kinds begin that a program provides, such as `fuse.sshfs`: nearly all of them are elsewhere."""


def mounts() -> tuple[Mount, ...]:
    """The file systems of now; none where the system does not tell. Never raises."""
    try:
        return tuple(Mount(part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=True))
    except (OSError, psutil.Error):
        return ()


def tells_changes(folder: Path, known: Callable[[], Iterable[Mount]] = mounts) -> bool:
    """Whether the system tells of every change below a folder, also of one that somebody else made.

    On a file system that others share, it tells at best of those that were made here. `folder` need not exist.
    """
    real = os.path.join(os.path.realpath(folder), "")
    around = [mount for mount in known() if real.startswith(os.path.join(mount.folder, ""))]
    # Of two at one place, the one that was mounted later hides the other.
    nearest = max(enumerate(around), key=lambda one: (len(one[1].folder), one[0]), default=None)
    return nearest is None or not (nearest[1].kind in _SHARED or nearest[1].kind.startswith(_USERS))
