"""What a screen wants of the app: something done by the daemon, or a question put to the person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textual.message import Message
from textual.screen import ModalScreen

from tokenguard import client
from tokenguard.config.paths import Paths
from tokenguard.errors import DaemonError, TokenguardError


class Wanted(Message):
    """The app asks the daemon to do it, and calls `take` with why it did not, or with nothing."""

    def __init__(self, path: str, body: Mapping[str, object], take: Callable[[str], object]) -> None:
        super().__init__()
        self.path, self.body, self.take = path, body, take


class Question(Message):
    """The app puts it before the person, and calls `take` with the answer; None where there is none."""

    def __init__(self, dialog: ModalScreen[Any], take: Callable[[Any], None]) -> None:
        super().__init__()
        self.dialog, self.take = dialog, take


def do(paths: Paths, path: str, body: object) -> str:
    """Have the daemon do something. Why it was not done; empty if it was. Blocks."""
    try:
        daemon = client.find(paths)
        if daemon is None:
            raise DaemonError("the daemon is not running", "start it with: tokenguard daemon start")
        daemon.post(path, body)
    except TokenguardError as error:
        return str(error)
    return ""
