"""What the calls of a running session were for: by class, and by the sub-agent that made them."""

from __future__ import annotations

import sqlite3

from msgspec import Struct

from tokenguard.ledger import Where, queries
from tokenguard.ledger.subagents import SubAgent, subagents
from tokenguard.records import Call, Totals


class Beside(Struct):
    """The calls of a session, told apart."""

    classes: dict[str, int] = {}
    """Class -> calls."""
    subagents: dict[str, SubAgent] = {}
    """By the agent's own ids, in the order of their first calls."""

    def add(self, call: Call, totals: Totals) -> None:
        """A call has been charged."""
        self.count(call.request_class)
        if call.subagent is None:
            return
        one = self.subagents.setdefault(call.subagent, SubAgent(call.subagent))
        one.type = call.subagent_type or one.type
        one.model = call.model
        one.totals += totals

    def count(self, request_class: str) -> None:
        """A call of this class was made."""
        self.classes[request_class] = self.classes.get(request_class, 0) + 1


def known(ledger: sqlite3.Connection, session: str) -> Beside:
    """What the ledger knows of a session's calls."""
    classes = queries.grouped(ledger, ["request-class"], Where(session=session))
    return Beside(
        {group.key[0] or "": group.totals.calls for group in classes},
        {one.id: one for one in subagents(ledger, session)},
    )
