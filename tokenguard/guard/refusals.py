"""Refusals: written down, told, and said as the agent takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokenguard.agents import Agents
from tokenguard.agents.refusing import refusal
from tokenguard.guard.sessions import Sessions
from tokenguard.guard.strangers import Strangers
from tokenguard.guard.telling import told_of
from tokenguard.guard.unwaited import unwaited
from tokenguard.ledger import Ledger
from tokenguard.records import Call, Verdict
from tokenguard.wire.shape import Refusal


class Refusals:
    """Of calls, and of those that never become one. `agents` are those that are known now."""

    agents: Agents

    def __init__(self, ledger: Ledger, sessions: Sessions, tell: Callable[[str, dict[str, Any]], None]) -> None:
        self._ledger = ledger
        self._sessions = sessions
        self._strangers = Strangers(ledger)
        self._tell = tell

    def refuse(self, call: Call, verdict: Verdict) -> Refusal:
        """A call is not let through: what its agent gets."""
        live = self._sessions.of(call.session)
        live.refused += 1
        live.billing, live.billing_us, live.your_turn = call.billing, call.started_us, False
        unwaited(self._ledger.refuse(call, verdict), f"call {call.id}")
        self._tell("call.refused", told_of(call) | {"budget": verdict.budget, "reason": verdict.reason})
        return self.in_dialect(call, verdict.reason)

    def in_dialect(self, call: Call, text: str) -> Refusal:
        """As the agent of the call takes it, else as the clients of its dialect do."""
        return self._worded(call.agent, call.dialect, text)

    def of_no_session(self, token: str, dialect: str) -> Refusal:
        """Of a call whose token stands for no running session: it is over, or never was."""
        session, text = self._strangers.of(token)
        return self._worded(session.agent if session else "", dialect, text)

    def _worded(self, agent: str, dialect: str, text: str) -> Refusal:
        return refusal(self.agents.named(agent), dialect, text)
