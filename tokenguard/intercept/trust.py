"""What came of the connections of each session: were there any, and did its programs take our certificates."""

from __future__ import annotations

import logging
from typing import NamedTuple

from msgspec import Struct

_log = logging.getLogger(__name__)


class Account(NamedTuple):
    """What is told of a session at its end."""

    proxied: int
    """Connections that came to the proxy."""
    untrusting: tuple[str, ...]
    """Providers' hosts for which no program took a certificate from us."""
    others: tuple[str, ...]
    """Some of the hosts that are not known as a provider's. They are told to the user only, and kept nowhere."""


_MOST_OTHERS = 3


class _Session(Struct):
    proxied: int = 0
    others: dict[str, None] = {}
    hosts: dict[str, bool] = {}
    """Host -> whether something was asked over a connection to it that ended here."""


class Trust:
    """By session id. A program that has hosts' certificates built in takes no others, and its calls fail."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}

    def met(self, session_id: str) -> None:
        """A connection came to the proxy."""
        self._of(session_id).proxied += 1

    def passed(self, session_id: str, host: str) -> None:
        """It is for a host that is not known as a provider's."""
        others = self._of(session_id).others
        if len(others) < _MOST_OTHERS:
            others[host] = None

    def given(self, session_id: str, host: str) -> None:
        """Something was asked over a connection that ended here."""
        self._of(session_id).hosts[host] = True

    def refused(self, session_id: str, host: str) -> None:
        """A connection that ended here was not used. It says nothing where others are."""
        hosts = self._of(session_id).hosts
        if host in hosts:
            return
        hosts[host] = False
        _log.warning(
            "session %s: a connection to %s ended before anything was asked; "
            "if that goes on, the program trusts only certificates that are built in",
            session_id,
            host,
        )

    def close(self, session_id: str) -> Account:
        """The session is over."""
        session = self._sessions.pop(session_id, _Session())
        untrusting = tuple(host for host, trusted in session.hosts.items() if not trusted)
        return Account(session.proxied, untrusting, tuple(session.others))

    def _of(self, session_id: str) -> _Session:
        return self._sessions.setdefault(session_id, _Session())
