"""Scripts that agents run by themselves: before a prompt, for a status line, after a turn.

They are handed over where a person sits at the terminal. Without one, an agent whose hook refuses a prompt ends as if
all had gone well; there the call itself is refused, which costs as little, and of which its exit code tells.

A script finds what it needs beside itself in the private folder of the run: `SESSION` leads to the files that the
daemon writes for the session, `TURNS` is a pipe to `tokenguard run`. None starts Python or waits for anybody, and
without a daemon none of them says anything.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenguard.agents.settings import object_at

PROMPT = "prompt.sh"
"""Says, in the JSON of hooks, whether a prompt is refused."""
LINE = "line.sh"
"""Prints the status line."""
TURN = "turn.sh"
"""Tells that a turn has ended; what it was called with comes last."""
READERS = frozenset({PROMPT, LINE})
"""Those that read what the daemon says."""

SESSION = "session"
"""Link to the session's folder, which `run` makes where such a script is, once the session has a name."""
TURNS = "turns"
"""Pipe, which `run` makes where the script that writes into it is."""

_SCRIPTS = Path(__file__).parent / "scripts"


def script(name: str) -> str:
    """The text of a script."""
    return (_SCRIPTS / name).read_text("utf-8")


def command(folder: Path, name: str) -> str:
    """The command line that runs a script of a private folder; whoever gets it starts it by a shell."""
    return f"exec /bin/sh {shlex.quote(str(folder / name))}"


def with_hook(settings: Mapping[str, Any], event: str, hook: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of Claude Code or Gemini CLI with another hook for an event, behind those that are there.

    What cannot be read there stays as it is, without ours: the agent itself says what is wrong with it.
    """
    hooks = object_at(settings, "hooks")
    known = hooks.get(event, [])
    if not isinstance(settings.get("hooks", {}), dict) or not isinstance(known, list):
        return dict(settings)
    return {**settings, "hooks": {**hooks, event: [*known, {"hooks": [dict(hook)]}]}}


def then(words: Sequence[str]) -> str:
    """What stands last in a script that runs the user's own command too, with what it was called with."""
    return f'exec {shlex.join(words)} "$@"\n' if words else ""
