"""Whether a folder is one user's alone to change: mode, group and access control lists.

Under umask 002, as many systems have it, everything is writable for its group, which then is the user's own: "user
private groups" (login.defs(5), USERGROUPS_ENAB). What tells such a group is what tells it there: it has the number and
the name of the user. Who is in a group cannot always be listed (`enumerate` in sssd.conf(5)), so nobody on the list is
not enough; whoever is on it counts. Hooks ask the same where the daemon has died (`owning.sh`).
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from pathlib import Path

ACL = "system.posix_acl_access"
"""There where more is said than by the mode (acl(5)), whose bits of the group are then a mask."""


def is_own(folder: Path) -> bool:
    """Whether names in a folder are this user's alone to change. Never raises."""
    try:
        told = folder.stat()
    except OSError:
        return False
    if told.st_uid != os.geteuid() or told.st_mode & stat.S_IWOTH:
        return False
    return not told.st_mode & stat.S_IWGRP or (is_private(told.st_gid) and _lets_nobody_in(folder))


def is_private(gid: int) -> bool:
    """Whether a group is this user's own, and nobody is known to be in it besides. The groups of root may be anybody's,
    as in containers whose users have no name."""
    if gid != os.geteuid() or gid == 0:
        return False
    try:
        user, group = pwd.getpwuid(gid), grp.getgrgid(gid)
    except KeyError:
        return False
    if user.pw_gid != gid or group.gr_name != user.pw_name:
        return False
    members = {*group.gr_mem, *(one.pw_name for one in pwd.getpwall() if one.pw_gid == gid)}
    return members <= {user.pw_name}


def _lets_nobody_in(folder: Path) -> bool:
    """Whether nobody else was let in by name. What no list tells, because the system or the file system has others or
    none of these, is taken for one."""
    if not hasattr(os, "getxattr"):
        return False
    try:
        os.getxattr(folder, ACL)
    except OSError as error:
        return error.errno == errno.ENODATA
    return False
