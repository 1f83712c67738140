"""A state folder, repositories and the shells that hooks may run in."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from tokenguard.attribution.missed import marks
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard_hooks import marking, resting, scripts

SHELLS = {
    "dash": ("dash",),
    "bash": ("bash", "--posix"),
    "busybox": ("busybox", "sh"),
}
"""Those that are /bin/sh on some system."""

ALIVE = os.getpid()
GONE = 2**22 + 1
"""Beyond every process id that Linux gives out."""

AGAIN = 200
"""So often a commit is made at most until no git of others is about on this machine."""


def found(shell: str) -> tuple[str, ...] | None:
    """How a shell is started; None where it is not installed."""
    program, *options = SHELLS[shell]
    path = shutil.which(program)
    return None if path is None else (path, *options)


def everything(*places: Path) -> dict[str, tuple[int, object]]:
    """Mode and content of all files, links and folders in these places, but for a lock of git's own."""
    found: dict[str, tuple[int, object]] = {}
    for place in places:
        for file in (place, *sorted(place.rglob("*"))):
            if file.parts[-2:] == ("objects", "maintenance.lock"):  # it is there while git itself tidies up, unasked
                continue
            mode = file.lstat().st_mode if os.path.lexists(file) else 0
            if file.is_symlink():
                found[str(file)] = mode, os.readlink(file)
            else:
                found[str(file)] = mode, file.read_bytes() if file.is_file() else None
    return found


class World:
    """Where hooks are tried out with a real git."""

    def __init__(self, root: Path, shell: tuple[str, ...] = ("/bin/sh",)) -> None:
        self.root = root
        self.shell = shell
        self.path = os.environ["PATH"]
        self.more: dict[str, str] = {}
        self.references = "files"
        self.home = root / "user"
        self.home.mkdir()
        self.paths = Paths(root / "state", root / "state")
        scripts.write(self.paths)
        self.runs()
        (self.home / ".gitconfig").write_text(
            "[user]\n\tname = Ann\n\temail = ann@example.com\n[init]\n\tdefaultBranch = main\n"
            '[protocol "file"]\n\tallow = always\n[commit]\n\tgpgSign = false\n'
        )

    def runs(self, pid: int | str = ALIVE) -> None:
        """The daemon is this process, which is how it stands until something else is said."""
        self.paths.state_file.write_text(f'{{"pid":{pid},"port":4747,"version":"0.1.0"}}\n')

    def pretend(self, version: str) -> Path:
        """A folder for the PATH whose git says that it is of this version, and is the real one otherwise.

        Hooks of ours that are in its configuration it does not start, whether or not the real one would.
        """
        folder = self.root / f"git-{version}"
        folder.mkdir()
        real = shutil.which("git", path=self.path)
        said = f'[ "$1" != --version ] || {{ echo "git version {version}"; exit; }}'
        asked = f'case " $* " in *" config "*) exec {real} "$@" ;; esac'
        names = (*scripts.EVENTS, *scripts.SIGNING)
        (folder / "still").write_text("".join(f'[hook "tokenguard-{name}"]\n\tenabled = false\n' for name in names))
        more = f"GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=include.path GIT_CONFIG_VALUE_0='{folder}/still'"
        self.put_script(folder / "git", f'#!/bin/sh\n{said}\n{asked}\n{more} exec {real} "$@"\n')
        return folder

    @property
    def env(self) -> dict[str, str]:
        """Of somebody who types commands."""
        return {
            "PATH": self.path,
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_EDITOR": "true",
            "LC_ALL": "C.UTF-8",
        } | self.more

    def git(
        self, where: Path, *arguments: str, code: int | None = 0, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run git there; its exit code is checked unless None is given."""
        done = subprocess.run(
            [shutil.which("git", path=self.path) or "git", *arguments],
            cwd=where,
            env=self.env | (env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
        assert code is None or done.returncode == code, (arguments, done)
        return done

    def repository(self, name: str = "web") -> Path:
        """A new repository with a commit in it."""
        tree = self.root / name
        tree.mkdir(parents=True)
        self.git(tree, "init", "--quiet")
        self.commit(tree, "first")
        return tree

    def with_hooks_in_tree(self) -> Path:
        """A repository whose hooks are in its working tree."""
        tree = self.repository()
        self.git(tree, "config", "core.hooksPath", ".githooks")
        (tree / ".githooks").mkdir(mode=0o755)
        return tree

    def drop_log(self, tree: Path) -> None:
        """Let git keep no log of HEAD, until it makes one again."""
        if self.references == "tables":
            self.git(tree, "reflog", "drop", "HEAD")
        else:
            (tree / ".git" / "logs" / "HEAD").unlink()

    def commit(
        self, tree: Path, message: str, *options: str, code: int = 0, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Make a commit without any file."""
        return self.git(tree, "commit", "--allow-empty", "-m", message, *options, code=code, env=env)

    def commit_until(self, tree: Path, done: Callable[[], bool]) -> int:
        """Commit until something is so; how often that was. Gits of others on this machine may be about."""
        for number in range(1, AGAIN):
            self.commit(tree, "more")
            if done():
                return number
        raise AssertionError("they stay awake")

    def hash(self, tree: Path, name: str = "HEAD") -> str:
        return self.git(tree, "rev-parse", name).stdout.strip()

    def put_hooks(
        self, folder: Path, events: Iterable[str] = (*scripts.EVENTS, *scripts.SIGNING), shell: bool = True
    ) -> None:
        """Hooks as they are installed, for the shell of this world."""
        folder.mkdir(parents=True, exist_ok=True)
        for event in events:
            self.put_script(folder / event, scripts.stub(event, self.paths), shell=shell)

    def put_script(self, file: Path, data: bytes | str, *, shell: bool = False) -> None:
        """Something that can be run."""
        data = data.encode() if isinstance(data, str) else data
        if shell:
            data = data.replace(b"#!/bin/sh\n", f"#!{' '.join(self.shell)}\n".encode(), 1)
        file.write_bytes(data)
        file.chmod(0o755)

    def folder(self, common_dir: Path) -> Path:
        """What hooks and the daemon leave for each other."""
        return hook_paths.folder(self.paths, common_dir.resolve())

    def say(self, common_dir: Path, *lines: str, pid: int | str = ALIVE, end: str = "\n") -> None:
        """The daemon's word on a repository."""
        self._tell(common_dir, hook_paths.STATUS, lines, pid, end)

    def name_run(self, common_dir: Path, *lines: str, pid: int | str = ALIVE) -> None:
        """The runs that commits can name."""
        self._tell(common_dir, hook_paths.TRAILERS, lines, pid, "\n")

    def _tell(self, common_dir: Path, name: str, lines: Iterable[str], pid: int | str, end: str) -> None:
        folder = self.folder(common_dir)
        folder.mkdir(parents=True, exist_ok=True)
        text = "\n".join([f"tokenguard 1 {pid}", *lines]) + end
        (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))

    def mark(self, common_dir: Path) -> object:
        """What is said to those who wake hooks; of tables, hooks may name a later change up to which logs were read."""
        file = common_dir / resting.MARK
        if self.references == "files":
            return file.read_bytes()
        found = marking.read(file) or {}
        assert all(found[name].size >= now.size for name, now in marks(common_dir).items())
        return file.read_bytes().split(b"\0")[:2], {name: one.line for name, one in found.items()}

    def spool(self, common_dir: Path) -> list[str]:
        """The lines that hooks have noted."""
        try:
            data = (self.folder(common_dir) / hook_paths.SPOOL).read_bytes()
        except FileNotFoundError:
            return []
        assert data.endswith(b"\n")
        return data.decode("utf-8", "surrogateescape").splitlines()
