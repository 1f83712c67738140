"""Settings of ours in git's configuration: lines that are put at the end of a file, and taken out as it was."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError, UsageError
from tokenguard_hooks import files, repository, scripts

_BEGIN = b'# tokenguard-hooks 1: "tokenguard hooks uninstall" takes these lines out'
_AS_IT_WAS = {"": b"", "unfinished": b"; the line above had no end", "none": b"; there was no file"}
_END = b"# tokenguard-hooks end\n"

_BLOCK = re.compile(
    re.escape(_BEGIN) + rb"(?P<was>[^\n]*)\n(?P<lines>.*?)" + re.escape(_END),
    re.DOTALL,
)
_INCLUDE = b'includeIf "gitdir:/"'
_BESIDE = "tokenguard-hooks"
"""Beside a configuration: the hooks, where they are awake. It is hidden where the configuration is."""
_SETTING = "includeif.gitdir:/.path"

MODE = 0o644
"""Of a configuration that git makes."""

_SECTION = re.compile(rb"^\s*\[([^\n\]]*)\]", re.MULTILINE)


def name(event: str) -> str:
    """What the hook is called in the configuration. Git does not tell a command for which event it runs."""
    return f"tokenguard-{event}"


def hooks(events: Iterable[str], paths: Paths) -> bytes:
    """The lines of hooks, for git 2.54 and newer."""
    return b"".join(
        b'[hook "%s"]\n\tevent = %s\n\tcommand = %s\n'
        % (name(event).encode(), event.encode(), quoted(scripts.command(event, paths)))
        for event in events
    )


def included(file: Path) -> bytes:
    """The line that has git read hooks from a file beside a configuration, where that file is there.

    Beside it, for git fails where it may not read what is included: whoever can read the one can read the other. And
    under this condition, which always holds, because `git config include.path` would put another one into its place.
    """
    return b"[%s]\n\tpath = %s\n" % (_INCLUDE, beside(file).name.encode())


def beside(file: Path) -> Path:
    """Where the hooks of a configuration are that are awake. Git looks beside a link, not beside what it leads to."""
    return file.with_name(f".{_BESIDE}" if file.name.startswith(".") else _BESIDE)


def template(folder: Path) -> bytes:
    """The lines that let git make new repositories from a folder."""
    return b"[init]\n\ttemplateDir = %s\n" % quoted(os.fsencode(folder))


def put_in(file: Path, lines: bytes) -> bool:
    """Put lines at the end of a configuration file, in place of those of earlier; whether it did not hold them.

    Raises `TokenguardError`, and then it is as it was.
    """

    def edited(data: bytes | None) -> bytes:
        former = _found(file, data)
        if data is not None and former is not None and former["lines"] == lines:
            return data
        rest = (data or b"") if former is None else _without(data or b"", former)
        if former is not None and former["was"] == _AS_IT_WAS["none"]:
            was = "none"
        else:
            was = "none" if data is None else "" if not rest or rest.endswith(b"\n") else "unfinished"
        between = b"\n" if was == "unfinished" else b""
        return rest + between + _BEGIN + _AS_IT_WAS[was] + b"\n" + lines + _END

    return _edit(file, edited)


def take_out(file: Path) -> bool:
    """Take our lines out, byte for byte; whether there were any. Raises `TokenguardError`."""
    data = files.read(file)
    found = _found(file, data)
    if data is None or found is None:
        return take_out_sections(file)
    rest = _without(data, found)
    if not rest and found["was"] == _AS_IT_WAS["none"]:
        with files.told(file):
            file.unlink()
        return True
    changed = _edit(file, lambda _: rest)
    # What somebody has set about hooks of ours stands in sections of its own where they are in another file.
    return take_out_sections(file) or changed


def holds(file: Path) -> bool:
    """Whether our lines are in a file."""
    return _BLOCK.search(files.read(file) or b"") is not None


def holds_include(file: Path) -> bool:
    """Whether our lines in a file are those that include another one."""
    found = _BLOCK.search(files.read(file) or b"")
    return found is not None and found["lines"] == included(file)


def take_out_sections(file: Path) -> bool:
    """Take out what git knows as ours by its name, and nothing around it tells; whether there was any."""
    there = {one.rpartition(".")[0] for line in repository.listed(file) or () for one in line.splitlines()[:1]}
    ours = [f"hook.{name(event)}" for event in (*scripts.EVENTS, *scripts.SIGNING)]
    for section in (one for one in ours if one in there):
        repository.remove_section(file, section)
    includes = not holds(file) and _setting(file) in (repository.listed(file) or ())
    if includes:
        repository.remove_value(file, *_setting(file).split("\n"))
    return bool(there.intersection(ours)) or includes


def _found(file: Path, data: bytes | None) -> re.Match[bytes] | None:
    """Our lines. Raises `UsageError` where somebody has put others between them."""
    found = _BLOCK.search(data or b"")
    if found is None:
        return None
    own = re.compile(rb'hook "tokenguard-[a-z-]+"|init|' + re.escape(_INCLUDE))
    if any(not own.fullmatch(section) for section in _SECTION.findall(found["lines"])):
        raise UsageError(
            f"{file} has other sections between the lines that tokenguard wrote", "move those to its end, and try again"
        )
    return found


def _without(data: bytes, found: re.Match[bytes]) -> bytes:
    start = found.start()
    if found["was"] == _AS_IT_WAS["unfinished"] and found.end() == len(data) and data[:start].endswith(b"\n"):
        start -= 1
    return data[:start] + data[found.end() :]


def _edit(file: Path, edited: Callable[[bytes | None], bytes]) -> bool:
    """Change a configuration file as git does: a lock beside it takes its place."""
    target = Path(os.path.realpath(file))
    lock = target.with_name(f"{target.name}.lock")
    with files.told(file):
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else MODE
        try:
            descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        except FileExistsError:
            raise TokenguardError(f"{lock} is there: git is writing this file", "try again; remove it if not") from None
        try:
            before = target.read_bytes() if target.exists() else None
            known = [""] if before is None else repository.listed(target)
            after = edited(before)
            if after == before:
                return False
            with open(descriptor, "wb", closefd=False) as stream:
                stream.write(after)
                stream.flush()
                os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            setting = _setting(file)
            if (others := _others(known, setting)) is None or others != _others(repository.listed(lock), setting):
                raise UsageError(f"git does not understand {file}", "correct it: git config --list says where")
            lock.replace(target)
        finally:
            os.close(descriptor)
            with suppress(OSError):
                lock.unlink()
    return True


def _setting(file: Path) -> str:
    """The one that includes the file beside a configuration."""
    return f"{_SETTING}\n{beside(file).name}"


def _others(settings: list[str] | None, include: str) -> list[str] | None:
    """The settings that are none of ours."""
    ours = (*(f"hook.{name(event)}." for event in (*scripts.EVENTS, *scripts.SIGNING)), "init.templatedir")
    others = [one for one in settings or () if one and one != include and not one.startswith(ours)]
    return None if settings is None else others


def quoted(value: bytes) -> bytes:
    """A value as git's configuration has it."""
    escaped = value.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % escaped
