"""A team's refs in a git repository: all of them read, and the one of this machine written.

All happens in a bare repository of its own, so that nothing in the clone changes; the clone only says where its remote
is and how it is reached. That repository holds nothing that is not elsewhere, and is made anew when it has grown.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from msgspec import Struct

from tokenguard.errors import TeamError
from tokenguard.team.gitrefs import document, urls, ways
from tokenguard.team.gitrefs.document import Document
from tokenguard.team.gitrefs.process import Done, Runner, environment, reason
from tokenguard.team.gitrefs.ways import Way

ROOT = "refs/tokenguard/v1"
_NEW = "refs/new"
_PACKS = 64
"""Each fetch that brings something leaves a pack."""
_WRITERS = 2_000
"""More refs than that are not read."""
_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tbare = true
\thooksPath = /dev/null
\tfsync = none
\tlogAllRefUpdates = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[fetch]
\tunpackLimit = 1
\trecurseSubmodules = false
\tshowForcedUpdates = false
[fastimport]
\tunpackLimit = 100
[http]
\tlowSpeedLimit = 1
\tlowSpeedTime = 8
"""
_STALE = ("stale info", "cannot lock ref", "incorrect old value", "reference already exists", "fetch first")


class Found(Struct, frozen=True):
    """What stands behind a ref."""

    commit: str
    data: bytes
    document: Document | None


class Pushed(Enum):
    """What became of a document."""

    DONE = "done"
    STALE = "stale"
    """Somebody else wrote or removed the ref meanwhile."""
    REFUSED = "refused"


class Remote:
    """The refs of one team. Raises `TeamError` whenever the repository cannot be reached, or in time."""

    def __init__(self, folder: Path, team: str, remote: str, repository: Path | None, runner: Runner) -> None:
        self._folder = folder / "sync.git"
        self._root = f"{ROOT}/{team}"
        self._remote = remote
        self._repository = repository
        self._runner = runner
        self._known: dict[str, Found] = {}
        self._way: Way | None = None
        self._refused = ""

    @property
    def refused(self) -> str:
        """Why the last document was not taken, in git's words."""
        return self._refused

    def fetch(self) -> dict[str, Found]:
        """What every writer published, by `MEMBER/MACHINE`."""
        way = self._way = ways.find(self._remote, self._repository, self._folder.parent, self._runner)
        self._prepare()
        refs = f"+{self._root}/*:{self._root}/*"
        flags = ("--quiet", "--no-tags", "--no-write-fetch-head", "--prune", "--no-auto-gc", "--refmap=")
        done = self._git(way, "fetch", *flags, "--", way.url, refs)
        if done.code:
            # One that was damaged is not worth repairing.
            if "not a git repository" in done.said or "corrupt" in done.said:
                shutil.rmtree(self._folder, ignore_errors=True)
            raise TeamError(f"the team's repository cannot be read: {reason(done)}", "check the remote with git fetch")
        return self._read(way)

    def push(self, ref: str, data: bytes, at_s: int, expected: str) -> Pushed:
        """Publish a writer's document in place of the commit that was found, or of none. Call `fetch` first."""
        way = self._way
        assert way is not None
        name = f"{self._root}/{ref}"
        self._local(way, "fast-import", "--quiet", "--force", told=_import(data, at_s))
        commit = self._local(way, "rev-parse", "--verify", _NEW).decode().strip()
        flags = ("--porcelain", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no")
        lease = f"--force-with-lease={name}:{expected}"
        done = self._git(way, "push", *flags, lease, "--", way.push_url, f"{commit}:{name}")
        if done.code == 0:
            self._refused = ""
            return Pushed.DONE
        answer = done.out.decode("utf-8", "replace")
        if any(word in answer for word in _STALE):
            return Pushed.STALE
        rejected = re.search(r"^!.*\[(?:remote )?rejected\] \((.*)\)", answer, re.MULTILINE)
        self._refused = urls.shown(rejected[1]) if rejected else reason(done)
        return Pushed.REFUSED

    def _prepare(self) -> None:
        packs = self._folder / "objects/pack"
        try:
            if packs.is_dir() and sum(1 for pack in packs.iterdir() if pack.suffix == ".pack") > _PACKS:
                shutil.rmtree(self._folder)
            if not (self._folder / "ready").exists():
                shutil.rmtree(self._folder, ignore_errors=True)
                for name in ("objects/pack", "refs"):
                    (self._folder / name).mkdir(parents=True, mode=0o700)
                (self._folder / "HEAD").write_text("ref: refs/heads/none\n")
                (self._folder / "config").write_text(_CONFIG)
                (self._folder / "ready").touch()
        except OSError as error:
            raise TeamError(f"{self._folder} cannot be written: {error.strerror}") from None

    def _read(self, way: Way) -> dict[str, Found]:
        listed = self._local(way, "for-each-ref", "--format=%(objectname) %(refname)", self._root).decode(
            "utf-8", "replace"
        )
        commits: dict[str, str] = {}
        for line in listed.splitlines()[:_WRITERS]:
            commit, _, ref = line.partition(" ")
            parts = ref.removeprefix(f"{self._root}/").split("/")
            if len(parts) == 2 and all(map(document.is_part, parts)):
                commits["/".join(parts)] = commit
        news = [commit for commit in commits.values() if commit not in self._known]
        self._known = {commit: found for commit, found in self._known.items() if commit in commits.values()}
        for commit, data in zip(news, self._blobs(way, news), strict=True):
            self._known[commit] = Found(commit, data, document.decode(data))
        return {who: self._known[commit] for who, commit in commits.items()}

    def _blobs(self, way: Way, commits: Sequence[str]) -> list[bytes]:
        """What is in the file of each commit; nothing where there is none, or a large one."""
        if not commits:
            return []
        names = "".join(f"{commit}:{document.FILE}\n" for commit in commits).encode()
        checked = self._local(way, "cat-file", "--batch-check", told=names)
        sizes = (line.rpartition(b" ")[2] for line in checked.splitlines())
        small = [size.isdigit() and int(size) <= document.LARGEST for size in sizes]
        wanted = b"".join(name + b"\n" for name, fits in zip(names.splitlines(), small, strict=True) if fits)
        out = self._local(way, "cat-file", "--batch", told=wanted)
        found: list[bytes] = []
        for fits in small:
            head, _, rest = out.partition(b"\n") if fits else (b"", b"", out)
            size = int(head.rpartition(b" ")[2]) if fits else 0
            found.append(rest[:size])
            out = rest[size + 1 :] if fits else out
        return found

    def _local(self, way: Way, *words: str, told: bytes = b"") -> bytes:
        done = self._git(way, *words, told=told)
        if done.code:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise TeamError(f"git {words[0]} failed: {reason(done)}", "it is tried again with a new repository")
        return done.out

    def _git(self, way: Way, *words: str, told: bytes = b"") -> Done:
        folder = str(self._folder)
        env = environment(way.settings, way.ssh)
        return self._runner.run(("git", "--no-pager", f"--git-dir={folder}", *words), folder, env, told)


def _import(data: bytes, at_s: int) -> bytes:
    """A commit without a parent and with one file, as `git fast-import` reads it."""
    who = f"tokenguard <tokenguard@localhost> {at_s} +0000"
    head = f"commit {_NEW}\ncommitter {who}\ndata 0\nM 100644 inline {document.FILE}\ndata {len(data)}\n"
    return b"reset " + _NEW.encode() + b"\n" + head.encode() + data + b"\n"
