"""The environment as this process was given it."""

from __future__ import annotations

import os
from pathlib import Path

_ADDED = "LC_CTYPE"
"""Python sets it where no locale is set (PEP 538), and a program that is started would inherit that."""


def given_environment() -> dict[str, str]:
    """The environment without what Python added itself, where the system still knows how it was."""
    env = dict(os.environ)
    try:
        given = Path("/proc/self/environ").read_bytes()
    except OSError:
        return env
    if f"\0{_ADDED}=".encode() not in b"\0" + given:
        env.pop(_ADDED, None)
    return env
