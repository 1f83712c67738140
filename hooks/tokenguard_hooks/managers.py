"""Hook managers that a repository uses: what to put into their files, for those whose git needs it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from tokenguard.config.paths import Paths
from tokenguard_hooks import files, scripts

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

_NOT_PRE_COMMIT = ("post-rewrite",)
"""It hands this one nothing on stdin."""


class Manager(Struct, frozen=True):
    """A hook manager that a repository uses."""

    name: str
    file: Path
    """Where it was seen."""
    covers: tuple[str, ...]
    """The hooks for which tokenguard stands in its files already."""
    into: Path
    """Where the lines belong."""
    lines: str
    then: str
    """What is to be done after that; empty for nothing."""
    beside: bool = True
    """Whether hooks can be chained to its own."""
    cannot: tuple[str, ...] = ()
    """The hooks that it knows nothing of."""

    @property
    def ours(self) -> bool:
        """Whether tokenguard stands in its files already."""
        return bool(self.covers)


def found(top: Path | None, events: Iterable[str], paths: Paths) -> list[Manager]:
    """The managers of a working tree."""
    if top is None:
        return []
    wanted = tuple(events)
    return [manager for look in (_pre_commit, _lefthook, _husky) if (manager := look(top, wanted, paths))]


def _pre_commit(top: Path, events: tuple[str, ...], paths: Paths) -> Manager | None:
    file = top / ".pre-commit-config.yaml"
    if not file.is_file():
        return None
    text = _text(file)
    known = [event for event in events if event not in _NOT_PRE_COMMIT]
    lines = "  - repo: local\n    hooks:\n" + "".join(
        f"      - id: tokenguard-{event}\n"
        f"        name: tokenguard\n"
        f"        language: system\n"
        f'        entry: sh -c \'{_FIND} [ ! -x "$t/hooks/run" ] || exec "$t/hooks/run" {event} "$@"; done\' -\n'
        f"        stages: [{event}]\n"
        f"        always_run: true\n"
        f"        pass_filenames: {'true' if event in scripts.SIGNING else 'false'}\n"
        f"        verbose: true\n"
        for event in known
    )
    then = " ".join(["pre-commit install", *(f"--hook-type {event}" for event in known)])
    covers = tuple(event for event in known if f"tokenguard-{event}" in text)
    return Manager("pre-commit", file, covers, file, lines, then, cannot=_NOT_PRE_COMMIT)


def _lefthook(top: Path, events: tuple[str, ...], paths: Paths) -> Manager | None:
    there = [top / name for name in _LEFTHOOK if (top / name).is_file()]
    if not there:
        return None
    local = next((file for file in there if "local" in file.name), top / "lefthook-local.yml")
    run = shlex.quote(str(scripts.run_file(paths)))
    lines = "".join(
        f"{event}:\n  commands:\n    tokenguard:\n"
        f"      run: {json.dumps(f'{run} {event} {{0}}')}\n"
        f"      use_stdin: {'true' if event == 'post-rewrite' else 'false'}\n"
        for event in events
    )
    ours = next((file for file in there if "tokenguard" in _text(file)), None)
    text = _text(ours) if ours else ""
    covers = tuple(event for event in events if re.search(rf"hooks/run\W+{event}\b", text))
    return Manager("lefthook", ours or there[0], covers, local, lines, "lefthook install")


def _husky(top: Path, events: tuple[str, ...], paths: Paths) -> Manager | None:
    folder = top / ".husky"
    if not folder.is_dir():
        return None
    lines = "".join(
        f"# .husky/{event}\n"
        f'{_FIND} [ ! -x "$t/hooks/run" ] || {{ "$t/hooks/run" {event} "$@" || exit; break; }}; done\n'
        for event in events
    )
    # Its hooks go by their names, and are written anew by every npm install.
    covers = tuple(event for event in events if "tokenguard" in _text(folder / event))
    return Manager("husky", folder, covers, folder, lines, "", beside=False)


def _text(file: Path) -> str:
    return (files.read(file) or b"").decode("utf-8", "replace")
