"""What status lines read and ask for: JSON on stdin where Claude Code hands it over, and a daemon if there is one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

from tokenguard import client
from tokenguard.config.paths import find_paths
from tokenguard.errors import TokenguardError
from tokenguard.policy import bars
from tokenguard.policy.statusline import line

_PATIENCE = 0.5
"""Seconds for which the daemon is waited for: the next line comes soon."""

_MOST = 1 << 20
"""Bytes that are read of stdin."""


def show() -> int:
    """Print the line. Whatever is wrong, there is one: Claude Code shows nothing at all for a command that fails."""
    text = "tokenguard"
    with suppress(Exception):
        given = _given()
        text = line(given, _status(given), os.environ.get(client.SESSION), datetime.now().astimezone())
    _write(f"{text}\n")
    return 0


def show_bar(kind: str) -> int:
    """Print the line of today for another program, one of `bars.FORMATS`.

    Without a daemon it is empty, so that whoever draws it draws nothing; stdin belongs to somebody else.
    """
    text = ""
    with suppress(Exception):
        text = _bar(kind, _status({}), datetime.now().astimezone())
    _write(f"{text}\n" if text else "")
    return 0


def _write(text: str) -> None:
    """All at once, and nothing is left for the interpreter to write, and to complain of, at exit."""
    with suppress(OSError, AttributeError):
        os.write(sys.stdout.fileno(), text.encode(errors="replace"))


def _bar(kind: str, status: Mapping[str, Any] | None, now: datetime) -> str:
    if kind == "json":
        return json.dumps(bars.document(status, now), ensure_ascii=False)
    write = {"tmux": bars.tmux, "nvim": bars.nvim}.get(kind, bars.plain)
    return "" if status is None else write(bars.bar(status, now))


def _given() -> Mapping[str, Any]:
    """What Claude Code tells; nothing where a person runs the command, or if it is no JSON object."""
    try:
        given: object = {} if sys.stdin.isatty() else json.loads(sys.stdin.buffer.read(_MOST))
    except (ValueError, RecursionError, OSError, AttributeError):
        return {}
    return cast("dict[str, Any]", given) if isinstance(given, dict) else {}


def _status(given: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the daemon tells, after it was told of official windows; None if none answers."""
    try:
        daemon = client.find(find_paths(os.environ), timeout=_PATIENCE)
        if daemon is None:
            return None
        if given.get("rate_limits"):
            with suppress(TokenguardError):
                daemon.post("/v1/official", {"rate_limits": given["rate_limits"]}, timeout=_PATIENCE)
        return daemon.get("/v1/status", timeout=_PATIENCE)
    except TokenguardError:
        return None
