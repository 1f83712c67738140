"""Owners, groups, modes and lists of folders are real; only the database of users is not, but for two tests.

The daemon and hooks are asked the same, and have to say the same.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hooks.world import SHELLS, found
from tokenguard_hooks import owning, scripts

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

    @property
    def getent(self) -> str:
        """What stands for getent(1) in a shell, where numbers are looked up and all users are listed."""
        users = {uid: f"{name}:x:{uid}:{gid}::/:/bin/sh" for uid, (name, gid) in self.users.items()}
        groups = {gid: f"{name}:x:{gid}:{','.join(members)}" for gid, (name, members) in self.groups.items()}
        told = {
            **{f"passwd {uid}": line for uid, line in users.items()},
            **{f"group {gid}": line for gid, line in groups.items()},
            "passwd": "\n".join(users.values() if self.listed else ()),
        }
        cases = "\n".join(f"'{asked}') echo '{lines}' ;;" for asked, lines in told.items())
        return f'getent() {{ case "$*" in\n{cases}\n*) return 2 ;;\nesac; }}\n'


Asked = Callable[[Path], bool]


@pytest.fixture
def me() -> int:
    """The number of the user. Only root can give folders to somebody else, and is somebody else here."""
    return os.geteuid() or SOMEBODY


@pytest.fixture
def people(me: int, monkeypatch: pytest.MonkeyPatch) -> People:
    known = People(me)
    monkeypatch.setattr(pwd, "getpwuid", known.user)
    monkeypatch.setattr(pwd, "getpwall", known.all_users)
    monkeypatch.setattr(grp, "getgrgid", known.group)
    return known


def in_shell(shell: str, folder: Path, uid: int, before: str, path: str | None = None) -> bool:
    """What a hook says of a folder to a user, in a shell that knows `before`."""
    command = found(shell)
    if command is None:
        pytest.skip(f"{shell} is not installed")
    text, is_root = scripts.shipped("owning.sh").decode(), os.getuid() == 0
    done = subprocess.run(
        # Somebody else may not find these by their paths.
        [*command, "-c", f"tg_newline='\n'\n{text}\n{before}\ntg_is_own . && echo own || echo not"],
        cwd=folder,
        env={**os.environ, **({"PATH": path} if path else {})},
        capture_output=True,
        text=True,
        check=True,
        user=uid if is_root else None,
        group=uid if is_root else None,
        extra_groups=[] if is_root else None,
    )
    assert (done.stdout in ("own\n", "not\n"), done.stderr) == (True, "")
    return done.stdout == "own\n"


@pytest.fixture(params=["daemon", *SHELLS])
def is_own(request: pytest.FixtureRequest, me: int, people: People, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Asks one of those."""
    who = str(request.param)
    if who != "daemon":
        return lambda folder: in_shell(who, folder, me, people.getent)
    monkeypatch.setattr(os, "geteuid", lambda: me)
    return owning.is_own


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
def test_modes(is_own: Asked, folder: Path, mode: int, own: bool) -> None:
    folder.chmod(mode)
    assert is_own(folder) is own


@pytest.mark.parametrize("listed", [True, False])
def test_a_group_of_the_user_s_own(is_own: Asked, folder: Path, people: People, me: int, listed: bool) -> None:
    people.listed = listed
    people.groups[me] = ("ann", ["ann"])
    assert is_own(folder)


def test_one_that_others_are_in(is_own: Asked, folder: Path, people: People, me: int) -> None:
    people.groups[me] = ("ann", ["bob"])
    assert not is_own(folder)


def test_one_that_others_begin_in(is_own: Asked, folder: Path, people: People, me: int) -> None:
    people.users[me + 1] = ("bob", me)
    assert not is_own(folder)


@pytest.mark.parametrize("listed", [True, False])
def test_one_that_is_called_otherwise(is_own: Asked, folder: Path, people: People, me: int, listed: bool) -> None:
    """Such as `users`: who is in it may not be listed."""
    people.listed = listed
    people.groups[me] = ("users", [])
    assert not is_own(folder)


def test_one_that_the_user_does_not_begin_in(is_own: Asked, folder: Path, people: People, me: int) -> None:
    people.users[me] = ("ann", me + 1)
    assert not is_own(folder)


def test_one_that_nobody_knows(is_own: Asked, folder: Path, people: People, me: int) -> None:
    user = people.users.pop(me)
    assert not is_own(folder)
    people.users[me] = user
    del people.groups[me]
    assert not is_own(folder)


def test_another_group(is_own: Asked, folder: Path, people: People, me: int) -> None:
    give(folder, me, me + 1)
    folder.chmod(0o775)
    assert not is_own(folder)
    people.users[me], people.groups[me + 1] = ("ann", me + 1), ("ann", [])
    assert not is_own(folder), "its number is another one than the user's"


@pytest.mark.parametrize("who", ["daemon", *SHELLS])
def test_the_group_of_root_is_not_root_s_alone(
    who: str, folder: Path, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(folder, 0, 0)
    people.users[0], people.groups[0] = ("root", 0), ("root", [])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for mode, own in ((0o775, False), (0o755, True)):
        folder.chmod(mode)
        assert (owning.is_own(folder) if who == "daemon" else in_shell(who, folder, 0, people.getent)) is own


def test_somebody_else_s(is_own: Asked, folder: Path, people: People, me: int) -> None:
    folder.chmod(0o755)
    give(folder, me + 1, me)
    assert not is_own(folder)


def test_one_that_is_gone(folder: Path) -> None:
    assert not owning.is_own(folder / "gone")


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


def test_a_list_lets_somebody_in(is_own: Asked, folder: Path, people: People, me: int) -> None:
    let_in(folder, me + 1)
    assert folder.stat().st_mode & 0o777 == 0o775
    assert not is_own(folder)
    folder.chmod(0o755)
    assert is_own(folder), "the mask of the list lets nobody write any more"


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.EACCES])
def test_lists_that_cannot_be_seen(
    folder: Path, people: People, me: int, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*asked: object) -> bytes:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "geteuid", lambda: me)
    assert owning.is_own(folder)
    monkeypatch.setattr(os, "getxattr", refuse)
    assert not owning.is_own(folder)
    monkeypatch.delattr(os, "getxattr")
    assert not owning.is_own(folder)


GNU, OTHER = "ls (GNU coreutils) 9.1", "ls (uutils coreutils) 0.8.0"


@pytest.mark.parametrize(
    ("kind", "program", "sign", "own"),
    [
        ("ext2/ext3", GNU, "", True),
        ("btrfs", GNU, ".", True),
        ("ext2/ext3", GNU, "+", False),
        ("ext2/ext3", GNU, "?", False),
        ("nfs", GNU, "", False),
        ("tmpfs", OTHER, "", True),
        ("tmpfs", OTHER, ".", False),
        ("tmpfs", "ls (uutils coreutils) 0.0.10", "", False),
        ("tmpfs", "toybox 0.8.11", "", False),
        ("tmpfs", None, "", False),
    ],
)
@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_shell_is_told(
    shell: str, folder: Path, people: People, me: int, kind: str, program: str | None, sign: str, own: bool
) -> None:
    """By `ls` with a sign that there is a list, which not each of them has, nor does each file system."""
    says = "return 1" if program is None else f"printf '%s\\n' '{program}' more"
    told = f"echo 'drwxrwxr-x{sign} 2 {me} {me} 40 Nov 22 16:00 .'"
    programs = f'ls() {{ case $1 in --version) {says} ;; *) {told} ;; esac; }}\nstat() {{ echo "{kind}"; }}\n'
    assert in_shell(shell, folder, me, people.getent + programs) is own


@pytest.mark.parametrize("says", ["echo more >&2", "echo more", "false"])
def test_an_ls_that_says_more_or_fails(folder: Path, people: People, me: int, says: str) -> None:
    programs = f'ls() {{ command ls "$@"; [ $1 = --version ] || {says}; }}\n'
    assert not in_shell("dash", folder, me, people.getent + programs)


@pytest.fixture
def reached() -> Iterator[Path]:
    """A folder that everybody can find."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.parametrize("who", ["daemon", *SHELLS, "no getent"])
def test_somebody_real(reached: Path, who: str) -> None:
    """With the system's own database, in a process of somebody who has a group, such as `daemon`."""
    if os.getuid() != 0:
        pytest.skip("only root can be somebody else")
    folder, programs = reached / "hooks", reached / "programs"
    folder.mkdir()
    programs.mkdir()
    for name in ("sh", "ls", "stat", "cat", "getent")[: 4 if who == "no getent" else 5]:
        (programs / name).symlink_to(shutil.which(name) or name)
    everybody = pwd.getpwall()
    alone = {one.pw_uid for one in everybody if sum(one.pw_gid == other.pw_gid for other in everybody) == 1} - {0}
    known = [one for one in everybody if one.pw_uid in alone and one.pw_uid == one.pw_gid]
    user = next((one for one in known if grp.getgrgid(one.pw_gid)[0:4:3] == (one.pw_name, [])), None)
    if user is None:
        pytest.skip("nobody here has a group of the same name and number")
    for mode, gid, own in ((0o775, user.pw_gid, True), (0o775, 0, False), (0o777, user.pw_gid, False)):
        os.chown(folder, user.pw_uid, gid)
        folder.chmod(mode)
        if who == "daemon":
            assert in_a_process(user.pw_uid, folder) is own
        else:
            shell = who if who in SHELLS else "dash"
            assert in_shell(shell, folder, user.pw_uid, "", str(programs)) is own


def in_a_process(uid: int, folder: Path) -> bool:
    """What the daemon says of a folder to a user."""
    child = os.fork()
    if child == 0:
        # Somebody else may not start this Python.
        code = 2
        try:
            os.chdir(folder)
            os.setuid(uid)
            code = 0 if owning.is_own(Path()) else 1
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 1)
    return code == 0
