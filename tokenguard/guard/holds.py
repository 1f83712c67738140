"""Calls that wait until a person decides, and what agents ask for. Nothing is sent to agents meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from tokenguard.errors import UsageError
from tokenguard.guard.registry import new_id
from tokenguard.guard.unwaited import unwaited
from tokenguard.ledger import Decision, Ledger
from tokenguard.policy.budgets import Slot
from tokenguard.records import Call


class Answer(Struct, frozen=True):
    """How a wait ended."""

    kind: str
    """`approve`, `cheaper` (with the model that the hold names) or `deny`; `expired`, `gone` (the agent left) or `fits`
    (there is room again)."""
    who: str = ""
    reason: str | None = None


class Hold:
    """A call that waits."""

    def __init__(
        self,
        call: Call,
        reason: str,
        estimate_nanos: int,
        asked_us: int,
        seconds: float,
        slot: Slot | None = None,
        cheaper: tuple[str, int] | None = None,
        wants: int | None = None,
    ) -> None:
        self.id = new_id()[:4]
        self.call = call
        self.reason = reason
        """Why, in words."""
        self.estimate_nanos = estimate_nanos
        self.asked_us = asked_us
        self.expires_us = asked_us + int(seconds * 1_000_000)
        self.slot = slot
        """What cannot take it; None where no budget is the reason."""
        self.budget = slot.label if slot else None
        self.cheaper = cheaper
        """The next model down, and about how many nanodollars the call costs with it; None if there is none."""
        self.wants = wants
        """How much more of the slot is asked for, in its unit; None of a call. `call` then only tells who asks."""
        self.deadline = asyncio.get_running_loop().time() + seconds
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()


class Holds:
    """The calls that wait now."""

    def __init__(self, tell: Callable[[str, dict[str, Any]], None], view: Callable[[Hold], dict[str, Any]]) -> None:
        """`tell` takes events, `view` words a hold for them."""
        self._tell = tell
        self._view = view
        self._waiting: dict[str, Hold] = {}

    def __iter__(self) -> Iterator[Hold]:
        return iter(list(self._waiting.values()))

    def of_session(self, session: str) -> int:
        """How many calls of a session wait."""
        return sum(hold.call.session == session for hold in self._waiting.values())

    @contextmanager
    def waiting(self, hold: Hold) -> Generator[None]:
        """While its body runs, a hold can be seen and answered."""
        while hold.id in self._waiting:
            hold.id = new_id()[:4]
        self._waiting[hold.id] = hold
        self._tell("hold.asked", self._view(hold))
        try:
            yield
        finally:
            del self._waiting[hold.id]
            answer = hold.answer.result() if hold.answer.done() else Answer("gone")
            self._tell(
                "hold.answered",
                {"id": hold.id, "session": hold.call.session, "answer": answer.kind, "who": answer.who}
                | {"reason": answer.reason},
            )

    def find(self, hold_id: str) -> Hold:
        """The call that waits under this id. Raises `UsageError`."""
        hold = self._waiting.get(hold_id)
        if hold is None or hold.answer.done():
            raise UsageError(f"no call {hold_id} is waiting", "see tokenguard status")
        return hold


def decision(hold: Hold, answer: Answer, at_us: int) -> Decision:
    """The audit row of an answer."""
    kind = {"approve": "approve", "cheaper": "approve", "deny": "deny"}.get(answer.kind, "expire")
    reason = answer.reason
    if answer.kind == "cheaper" and hold.cheaper is not None:
        reason = " ".join(filter(None, (f"with {hold.cheaper[0]}", reason)))
    call_id = hold.call.id if hold.wants is None else None
    return Decision(at_us=at_us, kind=kind, who=answer.who, call_id=call_id, budget=hold.budget, reason=reason)


def recorder(ledger: Ledger) -> Callable[[Decision], None]:
    """What keeps decisions: in the ledger, without waiting for it."""
    return lambda decision: unwaited(ledger.decide(decision), "a decision")
