"""Requests that no dialect reads as calls: whether they may pass, and what is noted of them."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tokenguard.guard.calls import Calls
from tokenguard.guard.counting import Counting
from tokenguard.guard.registry import UNWRAPPED
from tokenguard.guard.sessions import Sessions
from tokenguard.guard.settling import Settler
from tokenguard.policy import wording
from tokenguard.policy.retrying import safe_label
from tokenguard.records import Call, Facts, Session

log = logging.getLogger(__name__)


class Unread:
    """Of all sessions."""

    def __init__(
        self, calls: Calls, sessions: Sessions, counting: Counting, settler: Settler, now: Callable[[], int]
    ) -> None:
        self._calls = calls
        self._sessions = sessions
        self._counting = counting
        self._settler = settler
        self._now = now

    def why_not(self, session: Session | None, provider: str) -> str | None:
        """Why a request may not pass that may cost something; None if it may."""
        slot = self._counting.strict(self._call(session, provider))
        if slot is None:
            return None
        label = safe_label(slot.label)
        return wording.plain_refusal(f"the budget {label} is strict, and nobody here can read what this may cost")

    def unmetered(self, session: Session | None, provider: str, method: str, path: str, status: int) -> None:
        """Record a request that may have cost what nobody here can read: unknown is never zero."""
        if not 200 <= status < 300:
            return
        call = self._call(session, provider)
        log.warning("forwarded to %s without a meter: %s %s", provider, method, path[:80])
        self._sessions.of(call.session).totals += self._settler.unmetered(call, status, self._now())

    def counted(self, session: Session | None) -> None:
        """A session has asked a provider to count tokens, which is free."""
        self._sessions.of(session.id if session else UNWRAPPED).beside.count("count")

    def _call(self, session: Session | None, provider: str) -> Call:
        live = self._sessions.of(session.id if session else UNWRAPPED)
        return self._calls.begin(live, provider=provider, dialect="unknown", facts=Facts("unknown"), headers={})
