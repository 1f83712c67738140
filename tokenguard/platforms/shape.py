"""The words in which services are described to any service manager."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Service(NamedTuple):
    """What is to be started."""

    command: tuple[str, ...]
    port: int
    """The fixed TCP port on loopback."""
    home: Path | None
    """`TOKENGUARD_HOME`, where it is set."""
    log_file: Path


class Status(NamedTuple):
    """What the service manager says."""

    installed: bool
    active: bool
    """Running, or waiting for a connection to start it."""
    detail: str
    """A line for people."""
    files: tuple[Path, ...]
    """Where the service is described, or would be."""


class Answer(NamedTuple):
    """What a command said."""

    code: int
    output: str
    """Both streams, stripped."""


Runner = Callable[[Sequence[str]], Answer]
"""Runs a command. Raises `OSError` if there is none of that name."""


def home_folder(env: Mapping[str, str]) -> Path:
    """The user's home."""
    home = env.get("HOME")
    return Path(home) if home else Path.home()
