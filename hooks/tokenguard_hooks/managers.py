"""Hook managers that a repository uses: what to put into their files, for those whose git needs it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from tokenguard.attribution import locate
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard_hooks import files, marking, scripts

_LEFTHOOK = [
    folder + prefix + name + end
    for folder in ("", ".config/")
    for prefix in ("", ".")
    for name in ("lefthook", "lefthook-local")
    for end in (".yml", ".yaml", ".toml", ".json", ".jsonc")
]

_FIND = (
    'for t in "$TOKENGUARD_HOME" "${XDG_STATE_HOME:-$HOME/.local/state}/tokenguard"'
    ' "$HOME/Library/Application Support/tokenguard"; do'
)
"""Where tokenguard is, in files that others use who may not have it, or have it elsewhere."""

_LEADS = re.compile(r"hooks/run\b")
_OURS = re.compile(r"\btokenguard-(?:pre|post)-")

_READ = ("post-commit", "post-rewrite")
"""What these would note is read from git's logs: a manager would have to start a second time for each commit."""

_NOT_PRE_COMMIT = ("post-rewrite",)
"""It hands this one nothing on stdin."""


class Manager(Struct, frozen=True):
    """A hook manager that a repository uses."""

    name: str
    file: Path
    """Where it was seen."""
    covers: tuple[str, ...]
    """The hooks for which tokenguard stands in its files already."""
    needs: tuple[str, ...]
    """Those for which it should."""
    into: Path
    """Where the lines belong."""
    lines: str
    then: str
    """What is to be done after that; empty for nothing."""
    beside: bool = True
    """Whether hooks can be chained to its own."""
    older: bool = False
    """Whether what stands there does something also while no daemon runs, as that of an earlier version does."""

    @property
    def ours(self) -> bool:
        """Whether tokenguard stands in its files already."""
        return bool(self.covers)


class _Wanted(Struct, frozen=True):
    """What is asked of a manager."""

    events: tuple[str, ...]
    """All that are of use."""
    needed: tuple[str, ...]
    flag: str
    """The file in the folder of hooks without which lines do nothing."""


def found(top: Path | None, events: Iterable[str], paths: Paths) -> list[Manager]:
    """The managers of a working tree."""
    if top is None:
        return []
    common_dir = locate(top).common_dir
    events = tuple(events)
    if common_dir is None or marking.keeps_log(Path(common_dir)):
        wanted = _Wanted(events, tuple(event for event in events if event not in _READ), hook_paths.AWAKE)
    else:
        wanted = _Wanted(events, events, "run")
    return [manager for look in (_pre_commit, _lefthook, _husky) if (manager := look(top, wanted, paths))]


def _pre_commit(top: Path, wanted: _Wanted, paths: Paths) -> Manager | None:
    file = top / ".pre-commit-config.yaml"
    if not file.is_file():
        return None
    text = _text(file)
    needed = tuple(event for event in wanted.needed if event not in _NOT_PRE_COMMIT)
    lines = "  - repo: local\n    hooks:\n" + "".join(
        f"      - id: tokenguard-{event}\n"
        f"        name: tokenguard\n"
        f"        language: system\n"
        f"        entry: sh -c '{_FIND}"
        f' [ ! -e "$t/hooks/{wanted.flag}" ] || exec "$t/hooks/run" {event} "$@"; done\' -\n'
        f"        stages: [{event}]\n"
        f"        always_run: true\n"
        f"        pass_filenames: {'true' if event in scripts.SIGNING else 'false'}\n"
        f"        verbose: true\n"
        for event in needed
    )
    then = " ".join(["pre-commit install", *(f"--hook-type {event}" for event in needed)])
    covers = tuple(event for event in wanted.events if f"tokenguard-{event}" in text)
    return Manager("pre-commit", file, covers, needed, file, lines, then, older=_is_older(text, wanted))


def _lefthook(top: Path, wanted: _Wanted, paths: Paths) -> Manager | None:
    there = [top / name for name in _LEFTHOOK if (top / name).is_file()]
    if not there:
        return None
    local = next((file for file in there if "local" in file.name), top / "lefthook-local.yml")
    run, flag = (shlex.quote(str(hook_paths.hooks(paths) / name)) for name in ("run", wanted.flag))
    lines = "".join(
        f"{event}:\n  commands:\n    tokenguard:\n"
        f"      run: {json.dumps(f'[ ! -e {flag} ] || {run} {event} {{0}}')}\n"
        f"      use_stdin: {'true' if event == 'post-rewrite' else 'false'}\n"
        for event in wanted.needed
    )
    ours = next((file for file in there if "tokenguard" in _text(file)), None)
    text = _text(ours) if ours else ""
    covers = tuple(event for event in wanted.events if re.search(rf"hooks/run\W+{event}\b", text))
    older = _is_older(text, wanted)
    return Manager("lefthook", ours or there[0], covers, wanted.needed, local, lines, "lefthook install", older=older)


def _husky(top: Path, wanted: _Wanted, paths: Paths) -> Manager | None:
    folder = top / ".husky"
    if not folder.is_dir():
        return None
    lines = "".join(
        f"# .husky/{event}\n"
        f'{_FIND} [ ! -e "$t/hooks/{wanted.flag}" ] || {{ "$t/hooks/run" {event} "$@" || exit; break; }}; done\n'
        for event in wanted.needed
    )
    # Its hooks go by their names, and are written anew by every npm install.
    covers = tuple(event for event in wanted.events if "tokenguard" in _text(folder / event))
    older = _is_older("".join(_text(folder / event) for event in wanted.needed), wanted)
    return Manager("husky", folder, covers, wanted.needed, folder, lines, "", beside=False, older=older)


def _is_older(text: str, wanted: _Wanted) -> bool:
    return _LEADS.search(text) is not None and f"hooks/{wanted.flag}" not in text


def uses_ours(top: Path) -> bool:
    """Whether tokenguard stands in the files of a manager of a working tree, for whatever state folder."""
    seen = [top / name for name in (".pre-commit-config.yaml", *_LEFTHOOK) if (top / name).is_file()]
    texts = (_text(file) for file in (*seen, *(top / ".husky").glob("p*")))
    return any(_OURS.search(text) or ("tokenguard" in text and _LEADS.search(text)) for text in texts)


def _text(file: Path) -> str:
    return (files.read(file) or b"").decode("utf-8", "replace")
