"""Which hosts' certificates the agents of a session took from us, and which not."""

from __future__ import annotations

import logging

_log = logging.getLogger(__name__)


class Trust:
    """By session. A program that has hosts' certificates built in takes no others, and its calls fail."""

    def __init__(self) -> None:
        self._given: set[tuple[str, str]] = set()
        self._refused: dict[tuple[str, str], None] = {}

    def given(self, session_id: str, host: str) -> None:
        """Something was asked over a connection that ended here."""
        self._given.add((session_id, host))
        self._refused.pop((session_id, host), None)

    def refused(self, session_id: str, host: str) -> None:
        """A connection that ended here was not used. It says nothing where others are."""
        key = (session_id, host)
        if key in self._given or key in self._refused:
            return
        self._refused[key] = None
        _log.warning(
            "session %s: a connection to %s ended before anything was asked; "
            "if that goes on, the program trusts only certificates that are built in",
            session_id,
            host,
        )

    def close(self, session_id: str) -> tuple[str, ...]:
        """The session is over: the hosts whose certificates nobody took from us."""
        hosts = tuple(host for session, host in self._refused if session == session_id)
        self._given = {key for key in self._given if key[0] != session_id}
        self._refused = {key: None for key in self._refused if key[0] != session_id}
        return hosts
