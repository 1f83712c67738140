"""What the daemon tells, brought to the screen: a thread that follows its events and comes back after it was away."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from tokenguard import client
from tokenguard.client import Stream
from tokenguard.config.paths import Paths
from tokenguard.errors import DaemonError

BACKLOG = 2_000
"""Events that wait for the screen; beyond it the oldest go, and the status is asked for anew."""
_PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds between attempts to find the daemon; the last again and again."""


class Feed:
    """Follows the daemon in a thread of its own. `wake` is called from there, once until everything was taken."""

    def __init__(self, paths: Paths, wake: Callable[[], object]) -> None:
        self._paths = paths
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: deque[Mapping[str, Any]] = deque(maxlen=BACKLOG)
        self._told = False
        self._ended = threading.Event()
        self._stream: Stream | None = None

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._follow, name="feed", daemon=True).start()

    def stop(self) -> None:
        """End; the thread may wait for the daemon's next word, and ends with the process."""
        self._ended.set()

    def take(self) -> list[Mapping[str, Any]]:
        """All that came since the last time, the oldest first.

        Beside the daemon's events: `connected`, and `away` with why.
        """
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
            self._told = False
        return taken

    def _follow(self) -> None:
        tries = 0
        while not self._ended.is_set():
            try:
                daemon = client.find(self._paths)
                if daemon is None:
                    reason = "the daemon is not running"
                else:
                    with daemon.stream("/v1/events") as stream:
                        tries = 0
                        self._put({"type": "connected", "data": {"pid": daemon.pid, "version": daemon.version}})
                        for event in stream:
                            self._put(event)
                            if self._ended.is_set():
                                return
                    reason = "the daemon has ended"
            except DaemonError as error:
                reason = error.message
            self._put({"type": "away", "data": {"reason": reason}})
            self._ended.wait(_PAUSES[min(tries, len(_PAUSES) - 1)])
            tries += 1

    def _put(self, event: Mapping[str, Any]) -> None:
        with self._lock:
            if len(self._waiting) == BACKLOG:
                self._waiting[0] = {"type": "lost", "data": {}}
            self._waiting.append(event)
            tell, self._told = not self._told, True
        if tell:
            self._wake()
