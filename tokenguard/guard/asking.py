"""What agents ask a person for: more of a budget, before they need it. It is answered like a call that waits.

It is a hold without a call: nothing is kept waiting but whoever asked, and an approval raises the budget, whether
somebody still waits for it or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

from msgspec import Struct

from tokenguard.errors import UsageError
from tokenguard.guard.holds import Answer, Hold, Holds, decision
from tokenguard.ledger import Decision
from tokenguard.policy import money
from tokenguard.policy.budgets import Slot
from tokenguard.policy.naming import printable
from tokenguard.records import Call, Session, Unit

PATIENCE_S = 600.0
"""For which a person is waited for."""

QUIET_US = 600_000_000
"""After a denial: for so long, the same session gets the same answer."""

_LONGEST_REASON = 200


class Asked(Struct, frozen=True):
    """What an agent wants."""

    slot: Slot
    value: int
    """In the slot's unit."""
    reason: str
    """Its own words."""


class Asking:
    """The requests of sessions: one of each at a time."""

    def __init__(self, holds: Holds, record: Callable[[Decision], object], now: Callable[[], int]) -> None:
        """`record` keeps what was decided, `now` is the guard's clock."""
        self._holds = holds
        self._record = record
        self._now = now
        self._open: dict[str, Hold] = {}
        self._denied: dict[tuple[str, Slot], tuple[int, Hold]] = {}

    def ask(self, session: Session, asked: Asked) -> Hold:
        """The request, which a person can answer from now on; the one of this session that is open, if one is.

        Who was denied just now gets that answer again. Raises `UsageError` for a request of nothing.
        """
        if (open_one := self._open.get(session.id)) is not None:
            return open_one
        denied_us, denied = self._denied.get((session.id, asked.slot), (0, None))
        if denied is not None and self._now() < denied_us + QUIET_US:
            return denied
        if asked.value <= 0:
            raise UsageError("that is no more than there is", "ask for an amount above zero")
        hold = self._hold(session, asked)
        stack = ExitStack()
        stack.enter_context(self._holds.waiting(hold))
        self._open[session.id] = hold
        expiry = asyncio.get_running_loop().call_later(PATIENCE_S, _end, hold, "expired")

        def answered(_: asyncio.Future[Answer]) -> None:
            expiry.cancel()
            del self._open[session.id]
            stack.close()
            self._conclude(session.id, asked.slot, hold)

        hold.answer.add_done_callback(answered)
        return hold

    def gone(self, session_id: str) -> None:
        """A session has ended: nobody wants an answer any more."""
        if (hold := self._open.get(session_id)) is not None:
            _end(hold, "gone")
        for key in [key for key in self._denied if key[0] == session_id]:
            del self._denied[key]

    def _hold(self, session: Session, asked: Asked) -> Hold:
        unit = asked.slot.budget.unit
        words = printable(asked.reason.strip(), _LONGEST_REASON)
        reason = f"it asks for {money.amount(asked.value, unit)} more of {asked.slot.label}: {words}"
        about = asked.value if unit is Unit.USD else 0
        call = Call(0, session.id, session.agent, "", "", "", self._now(), repo=session.repo, branch=session.branch)
        return Hold(call, reason, about, self._now(), PATIENCE_S, asked.slot, wants=asked.value)

    def _conclude(self, session_id: str, slot: Slot, hold: Hold) -> None:
        answer = hold.answer.result()
        if answer.kind == "deny":
            self._denied[session_id, slot] = self._now(), hold
        if answer.kind in ("deny", "expired"):  # an approval is on record as the raise that it is
            self._record(decision(hold, answer, self._now()))


def _end(hold: Hold, kind: str) -> None:
    if not hold.answer.done():
        hold.answer.set_result(Answer(kind))
