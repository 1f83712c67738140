"""Processes that are named like agents, editors and shells, each the child of the one before it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.support.installation import AGENT

_STARTS_THE_NEXT = """\
import subprocess, sys
sys.exit(subprocess.call(sys.argv[1:]))
"""


def named(folder: Path, name: str) -> list[str]:
    """The beginning of a command line: a program of that name that runs the command behind it, and waits for it."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(_STARTS_THE_NEXT)
    return [sys.executable, str(folder / name)]


def caller(folder: Path, name: str) -> list[str]:
    """The scripted agent under that name."""
    folder.mkdir(exist_ok=True)
    shutil.copy(AGENT, folder / name)
    return [sys.executable, str(folder / name)]
