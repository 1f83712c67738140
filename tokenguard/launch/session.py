"""A session of the daemon, for as long as one agent runs: opened, kept through the daemon's death, ended."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Any

from tokenguard import client
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError

_PAUSES = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts to bring the daemon back; the last one again and again."""


class Session:
    """One session. It has its token before the daemon knows it, so that the agent's recipe can be made first."""

    def __init__(
        self,
        paths: Paths,
        env: Mapping[str, str],
        say: Callable[[str], None],
        call_waits: Callable[[], None] | None = None,
    ) -> None:
        """Finds the daemon or starts it; `call_waits` is called when a call begins to wait for an answer.

        Raises `DaemonError`.
        """
        self._paths, self._env = paths, env
        self._call_waits = call_waits
        self._daemon = client.ensure(paths, env, say)
        self._asked: dict[str, object] = {"token": os.urandom(24).hex()}
        self._turn = threading.Lock()
        self._ended = threading.Event()

    @property
    def base_url(self) -> str:
        """What the agent's calls go through."""
        return f"http://127.0.0.1:{self._daemon.port}/s/{self._asked['token']}"

    @property
    def id(self) -> str:
        """Its name, once it was opened."""
        return str(self._asked["id"])

    def open(self, asked: Mapping[str, object]) -> None:
        """Make it known. Raises `TokenguardError` if the daemon does not take it."""
        self._asked |= asked
        self._asked["id"] = self._daemon.post("/v1/sessions", self._asked)["id"]

    def started(self, pid: int) -> None:
        """Tell the daemon which process the agent is, and watch over the daemon from now on."""
        self._asked["pid"] = pid
        threading.Thread(target=self._watch_over, name="supervisor", daemon=True).start()

    def turn_ended(self) -> None:
        """Tell the daemon that the agent waits for its person."""
        self._attempt(lambda: self._daemon.post(f"/v1/sessions/{self._asked['id']}/turn-ended", {}))

    def end(self, exit_code: int | None) -> dict[str, Any]:
        """What it cost. Raises `TokenguardError` if the daemon does not tell."""
        self._ended.set()
        with self._turn:
            try:
                return self._end(exit_code)
            except TokenguardError:
                self._find_again()
                return self._end(exit_code)

    def _end(self, exit_code: int | None) -> dict[str, Any]:
        return self._daemon.post(f"/v1/sessions/{self._asked['id']}/end", {"exit_code": exit_code})

    def _find_again(self) -> None:
        """Find or start the daemon, and make the session known to it: it may have been another one that knew it."""
        self._daemon = client.ensure(self._paths, self._env, lambda _: None)
        self._daemon.post("/v1/sessions", self._asked)

    def _watch_over(self) -> None:
        """Bring the daemon back whenever it goes, until the session has ended."""
        # Signals are held back for the thread that waits for them. A daemon must not inherit that.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._attempt(lambda: self._daemon.post(f"/v1/sessions/{self._asked['id']}/pid", {"pid": self._asked["pid"]}))
        failures = 0
        while True:
            if self._attempt(self._wait_while_it_lives):
                failures = 0
            if self._ended.wait(_PAUSES[min(failures, len(_PAUSES) - 1)]):
                return
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            with self._turn:
                if not self._ended.is_set():
                    self._attempt(self._find_again)
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            failures += 1

    def _wait_while_it_lives(self) -> None:
        with self._daemon.stream(f"/v1/sessions/{self._asked['id']}/watch") as events:
            for event in events:
                if event["type"] == "hold.asked" and self._call_waits is not None:
                    self._call_waits()

    def _attempt(self, action: Callable[[], object]) -> bool:
        try:
            action()
        except (TokenguardError, OSError):
            return False
        return True
