"""One at a time."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path

import pytest

from tokenguard.errors import TokenguardError
from tokenguard_hooks.locking import alone


def test_nobody_else_meanwhile(tmp_path: Path) -> None:
    with alone(tmp_path):
        with pytest.raises(TokenguardError, match=f"the hooks of {tmp_path} are being changed"), alone(tmp_path, 0.05):
            pass
    with alone(tmp_path):
        pass


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TokenguardError, match="No such file"), alone(tmp_path / "nowhere"):
        pass


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with alone(tmp_path):
        pass
