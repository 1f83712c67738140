"""Owners, groups, modes and lists of folders are real; only the database of users is not, but for one test."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import struct
from pathlib import Path

import pytest

from tokenguard_hooks import owning
from tokenguard_hooks.owning import is_own

SOMEBODY = 54_321


class People:
    """Who is known, and in which groups."""

    def __init__(self, uid: int) -> None:
        self.users = {uid: ("ann", uid), uid + 1: ("bob", uid + 1)}
        self.groups: dict[int, tuple[str, list[str]]] = {uid: ("ann", []), uid + 1: ("bob", [])}
        self.listed = True

    def user(self, uid: int) -> pwd.struct_passwd:
        name, gid = self.users[uid]
        return pwd.struct_passwd((name, "x", uid, gid, "", "/", "/bin/sh"))

    def all_users(self) -> list[pwd.struct_passwd]:
        return [self.user(uid) for uid in self.users] if self.listed else []

    def group(self, gid: int) -> grp.struct_group:
        name, members = self.groups[gid]
        return grp.struct_group((name, "x", gid, members))


@pytest.fixture
def me(monkeypatch: pytest.MonkeyPatch) -> int:
    """The number of the user. Only root can give folders to somebody else, and is somebody else here."""
    uid = os.geteuid() or SOMEBODY
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    return uid


@pytest.fixture
def people(me: int, monkeypatch: pytest.MonkeyPatch) -> People:
    found = People(me)
    monkeypatch.setattr(pwd, "getpwuid", found.user)
    monkeypatch.setattr(pwd, "getpwall", found.all_users)
    monkeypatch.setattr(grp, "getgrgid", found.group)
    return found


@pytest.fixture
def folder(tmp_path: Path, me: int) -> Path:
    """One that its group can write to, which has the number of the user."""
    made = tmp_path / "hooks"
    made.mkdir()
    give(made, me, me)
    made.chmod(0o775)
    return made


def give(folder: Path, uid: int, gid: int) -> None:
    """Let a folder be of this user and group."""
    if os.getuid() == 0:
        os.chown(folder, uid, gid)
    elif uid != os.getuid():
        pytest.skip("only root can give a folder to somebody else")
    elif gid != folder.stat().st_gid:
        if gid not in os.getgroups():
            pytest.skip("this user is in no such group")
        os.chown(folder, -1, gid)


@pytest.mark.parametrize(
    ("mode", "own"), [(0o755, True), (0o700, True), (0o775, True), (0o2775, True), (0o757, False), (0o1777, False)]
)
def test_modes(folder: Path, people: People, mode: int, own: bool) -> None:
    folder.chmod(mode)
    assert is_own(folder) is own


@pytest.mark.parametrize("listed", [True, False])
def test_a_group_of_the_user_s_own(folder: Path, people: People, me: int, listed: bool) -> None:
    people.listed = listed
    people.groups[me] = ("ann", ["ann"])
    assert is_own(folder)


def test_one_that_others_are_in(folder: Path, people: People, me: int) -> None:
    people.groups[me] = ("ann", ["bob"])
    assert not is_own(folder)


def test_one_that_others_begin_in(folder: Path, people: People, me: int) -> None:
    people.users[me + 1] = ("bob", me)
    assert not is_own(folder)


@pytest.mark.parametrize("listed", [True, False])
def test_one_that_is_called_otherwise(folder: Path, people: People, me: int, listed: bool) -> None:
    """Such as `users`: who is in it may not be listed."""
    people.listed = listed
    people.groups[me] = ("users", [])
    assert not is_own(folder)


def test_one_that_the_user_does_not_begin_in(folder: Path, people: People, me: int) -> None:
    people.users[me] = ("ann", me + 1)
    assert not is_own(folder)


def test_one_that_nobody_knows(folder: Path, people: People, me: int) -> None:
    user = people.users.pop(me)
    assert not is_own(folder)
    people.users[me] = user
    del people.groups[me]
    assert not is_own(folder)


def test_another_group(folder: Path, people: People, me: int) -> None:
    give(folder, me, me + 1)
    folder.chmod(0o775)
    assert not is_own(folder)
    people.users[me], people.groups[me + 1] = ("ann", me + 1), ("ann", [])
    assert not is_own(folder), "its number is another one than the user's"


def test_the_group_of_root_is_not_root_s_alone(
    folder: Path, people: People, me: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(folder, 0, 0)
    folder.chmod(0o775)
    people.users[0], people.groups[0] = ("root", 0), ("root", [])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert not is_own(folder)
    folder.chmod(0o755)
    assert is_own(folder)


def test_somebody_else_s(folder: Path, people: People, me: int) -> None:
    folder.chmod(0o755)
    give(folder, me + 1, me)
    assert not is_own(folder) and not is_own(folder / "gone")


def let_in(folder: Path, uid: int) -> None:
    """What `setfacl -m u:UID:rwx` writes: a version, and entries of a kind, rights and a number (posix_acl_xattr.h)."""
    nobody = 0xFFFF_FFFF
    entries = [(0x01, 7, nobody), (0x02, 7, uid), (0x04, 5, nobody), (0x10, 7, nobody), (0x20, 5, nobody)]
    if not hasattr(os, "setxattr"):
        pytest.skip("this system has no such lists")
    try:
        os.setxattr(folder, owning.ACL, struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *one) for one in entries))
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        pytest.skip("this file system has no such lists")


def test_a_list_lets_somebody_in(folder: Path, people: People, me: int) -> None:
    let_in(folder, me + 1)
    assert folder.stat().st_mode & 0o777 == 0o775
    assert not is_own(folder)
    folder.chmod(0o755)
    assert is_own(folder), "the mask of the list lets nobody write any more"


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.EACCES])
def test_lists_that_cannot_be_seen(folder: Path, people: People, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*asked: object) -> bytes:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "getxattr", refuse)
    assert not is_own(folder)
    monkeypatch.delattr(os, "getxattr")
    assert not is_own(folder)


def test_somebody_real(tmp_path: Path) -> None:
    """With the system's own database, in a process of somebody who has a group, such as `daemon`."""
    if os.getuid() != 0:
        pytest.skip("only root can be somebody else")
    folder = tmp_path / "hooks"
    folder.mkdir()
    everybody = pwd.getpwall()
    alone = {one.pw_uid for one in everybody if sum(one.pw_gid == other.pw_gid for other in everybody) == 1} - {0}
    known = [one for one in everybody if one.pw_uid in alone and one.pw_uid == one.pw_gid]
    user = next((one for one in known if grp.getgrgid(one.pw_gid)[0:4:3] == (one.pw_name, [])), None)
    if user is None:
        pytest.skip("nobody here has a group of the same name and number")
    for mode, gid, own in ((0o775, user.pw_gid, True), (0o775, 0, False), (0o777, user.pw_gid, False)):
        os.chown(folder, user.pw_uid, gid)
        folder.chmod(mode)
        child = os.fork()
        if child == 0:
            # Somebody else may not find the folder by its path, nor start this Python.
            code = 2
            try:
                os.chdir(folder)
                os.setuid(user.pw_uid)
                code = 0 if is_own(Path()) else 1
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == (0 if own else 1)
