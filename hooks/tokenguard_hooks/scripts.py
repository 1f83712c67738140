"""The scripts of the hooks.

`hook.sh` in the state folder does the work, and `rest.sh`, with the others, what is seldom to be done. What git runs
only leads there, so that a newer tokenguard replaces these files and no repository; without them, hooks are silent.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from tokenguard.config.paths import Paths, make_private
from tokenguard_hooks import files

EVENTS = ("pre-commit", "pre-push", "post-commit", "post-rewrite")
"""The hooks that everybody gets."""

SIGNING = ("prepare-commit-msg", "commit-msg")
"""Those that put trailers into messages: the first one where the message is there already, the second where it was
edited, for a message must not stop being empty before somebody has written one."""

TO_SLEEP = ("pre-commit", "commit-msg", "prepare-commit-msg", "pre-push", "post-rewrite", "post-commit")
"""All, in the order in which they are put to sleep; they are woken the other way round. First come those that can make
a command of git fail: the shorter is the time in which one might be looked for. Last comes the one that goes on where
somebody was interrupted (`rest.sh`)."""

_SHIPPED = ("hook.sh", "rest.sh", "sharing.sh", "owning.sh")
"""Each of them sources those behind it."""

CHAINED = ".tg-chained"
"""Ends the name of a hook that was there before."""

ASLEEP = ".tg-asleep"
"""Ends the name of a hook of ours that git is not to start, because the daemon does not run."""

_STUB = """\
#!/bin/sh
# tokenguard-hook 1: "tokenguard hooks uninstall" puts back what was here before.
tg_event={event} tg_chained="$0{chained}" tg_state={state}
if [ -r "$tg_state/hooks/hook.sh" ]; then . "$tg_state/hooks/hook.sh"; fi
if [ -x "$tg_chained" ]; then exec "$tg_chained" "$@"; fi
"""

_RUN = """\
#!/bin/sh
# For hook managers: run EVENT [ARGUMENTS OF THE HOOK]
tg_event=${{1-}} tg_chained= tg_managed=1 tg_state={state}
[ $# = 0 ] || shift
if [ -r "$tg_state/hooks/hook.sh" ]; then . "$tg_state/hooks/hook.sh"; fi
"""

_COMMAND = (
    "tg_event={event} tg_chained= tg_state={state};"
    ' if [ -r "$tg_state/hooks/hook.sh" ]; then . "$tg_state/hooks/hook.sh"; fi; :'
)

_MARK = b"\n# tokenguard-hook "


def stub(event: str, paths: Paths) -> bytes:
    """The hook itself, for a folder of hooks."""
    text = _STUB.format(event=event, chained=CHAINED, state="\0").encode()
    return text.replace(b"\0", _quoted(paths.state_dir))


def command(event: str, paths: Paths) -> bytes:
    """The same as a value of git's configuration; git adds the hook's arguments to it, and its shell takes no other."""
    return _COMMAND.format(event=event, state="\0").encode().replace(b"\0", _quoted(paths.state_dir))


def is_stub(data: bytes | None) -> bool:
    """Whether this is a hook of ours, of whatever state folder, and nobody has changed it."""
    found = _STUB_PATTERN.fullmatch(data or b"")
    return found is not None and found["event"].decode() in (*EVENTS, *SIGNING)


def looks_like_stub(data: bytes | None) -> bool:
    """Whether it was a hook of ours once."""
    return _MARK in (data or b"")[:200]


def script_file(paths: Paths) -> Path:
    """What every hook leads to."""
    return paths.state_dir / "hooks" / "hook.sh"


def run_file(paths: Paths) -> Path:
    """What hook managers run."""
    return paths.state_dir / "hooks" / "run"


def shipped(name: str = "hook.sh") -> bytes:
    """A script as this version has it."""
    return Path(__file__).with_name(name).read_bytes()


def are_current(paths: Paths) -> bool:
    """Whether the scripts in the state folder are those of this version."""
    return all(files.read(script_file(paths).with_name(name)) == shipped(name) for name in _SHIPPED)


def write(paths: Paths) -> bool:
    """Put the scripts into the state folder; whether something was not there, or older. Raises `TokenguardError`."""
    make_private(paths.state_dir)
    make_private(script_file(paths).parent)
    run = _RUN.format(state="\0").encode().replace(b"\0", _quoted(paths.state_dir))
    changed = [files.put(script_file(paths).with_name(name), shipped(name), 0o644) for name in reversed(_SHIPPED)]
    return any([*changed, files.put(run_file(paths), run, 0o755)])


def refresh(paths: Paths) -> bool:
    """The same where hooks are in use: after an upgrade. Raises `TokenguardError`."""
    return script_file(paths).exists() and write(paths)


def _quoted(folder: Path) -> bytes:
    return os.fsencode(shlex.quote(str(folder)))


_STUB_PATTERN = re.compile(
    re.escape(_STUB.format(event="EVENT", chained=CHAINED, state="STATE").encode())
    .replace(b"EVENT", rb"(?P<event>[a-z-]+)")
    .replace(b"STATE", rb"(?:[A-Za-z0-9@%+=:,./_-]+|(?:'[^']*'|\"'\")+)"),
    re.DOTALL,
)
