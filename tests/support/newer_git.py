"""A git that is newer than what many systems have."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TABLES_SINCE = (2, 50)
"""References in tables are there since 2.45, `git reflog drop` since 2.50."""


def newer_git(since: tuple[int, int]) -> Path:
    """The folder of a git of this version or a newer one; the test is skipped where none is found."""
    folder = Path(os.environ.get("TOKENGUARD_TEST_GIT") or os.path.dirname(shutil.which("git") or ""))
    told = subprocess.run([folder / "git", "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, re.findall(r"\d+", told)[:2])) < since:
        pytest.skip(f"TOKENGUARD_TEST_GIT=FOLDER names no git of {'.'.join(map(str, since))} or newer")
    return folder
