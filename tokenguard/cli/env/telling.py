"""What is said of settings that were written, and put back."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenguard.cli import output
from tokenguard.config.paths import Paths
from tokenguard.ides import continue_, vscode
from tokenguard.ides.records import kept_in


def written(told: Mapping[str, Any], named: Path | None) -> None:
    """What came of writing; `named` is the file where it is not at the usual place."""
    output.say(f"{told['file']}: {'written' if told['changed'] else 'holds all of it already'}")
    for line in output.columns([("", label, value) for label, value in told["set"].items()]):
        output.say(line)
    back = _undoing(told["ide"], named)
    if told["backup"]:
        output.say(f"as it was before: {told['backup']}; to put it back: {back}")
    elif told["changed"]:
        output.say(f"to put it back: {back}; what was changed is kept, and no copy of the file, which may hold keys")
    for note in told["notes"]:
        output.say(f"- {note}")


def undone(done: Sequence[Mapping[str, Any]]) -> None:
    """What came of putting files back."""
    changed = [one for one in done if one["changed"]]
    for one in changed:
        how = "as it was, byte for byte" if one["restored"] else "without what was put in; your other changes stay"
        output.say(f"{one['file']}: {how}")
    if not changed:
        output.say("there is nothing to undo")


def elsewhere(paths: Paths) -> None:
    """Files that hold what was put in still: of workspaces, and others that were named."""
    for file in (Path(kept.file) for kept in kept_in(paths.state_dir)):
        # Any editor whose settings are in the same language puts a file back.
        ide = continue_.NAME if file.suffix == ".yaml" else vscode.FAMILY[0].NAME
        if file.exists():
            output.say(f"{file} holds it still; to put it back: {_undoing(ide, file)}")


def _undoing(ide: str, file: Path | None) -> str:
    return f"tokenguard env --undo {ide}" + (f" --file {shlex.quote(str(file))}" if file else "")
