"""Calls whose token stands for no running session: what their agent is told, and what the log says."""

from __future__ import annotations

import logging

from tokenguard.guard.registry import token_hash
from tokenguard.ledger import Ledger, queries
from tokenguard.policy import wording
from tokenguard.records import Session

log = logging.getLogger(__name__)

OVER = "its session is over. Start the agent again with tokenguard run"
UNKNOWN = "its session is not known. Start the agent with tokenguard run"

_MOST_NOTED = 1_000


class Strangers:
    """Knows whose token it was, and notes each token once: an agent that goes on trying does not fill the log."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._noted: set[bytes] = set()

    def of(self, token: str) -> tuple[Session | None, str]:
        """(session that had the token, if one ever had it; the sentence for its agent)."""
        hashed = token_hash(token)
        session = queries.session_by_token(self._ledger.read(), hashed)
        if hashed not in self._noted and len(self._noted) < _MOST_NOTED:
            self._noted.add(hashed)
            if session is None:
                log.warning("a call came with a token that no session has: it is refused")
            else:
                log.warning("a call came for session %s of %s, which is over: it is refused", session.id, session.agent)
        return session, wording.plain_refusal(UNKNOWN if session is None else OVER)
