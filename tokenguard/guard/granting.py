"""What people give of budgets: raises, landing reserves, and answers to calls that wait and to agents that ask."""

from __future__ import annotations

import asyncio
import getpass
from typing import Any

from msgspec import Struct

from tokenguard.errors import UsageError
from tokenguard.guard import showing, view
from tokenguard.guard.asking import PATIENCE_S, Asked
from tokenguard.guard.crossing import Guard
from tokenguard.guard.holds import Answer
from tokenguard.guard.limits import amount_for
from tokenguard.guard.registry import UNWRAPPED
from tokenguard.ledger import Ledger, queries
from tokenguard.policy.budgets import TEAM, Slot, Standing, ident
from tokenguard.policy.retrying import safe_label
from tokenguard.policy.spans import span_us
from tokenguard.records import Session

RECENT = 200
"""Sessions, running or not, whose budgets are shown and can be raised."""


class AskForMore(Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent says when it asks for more."""

    session: str
    amount: str
    reason: str
    budget: str | None = None
    """Its label or name; without it, the one that is nearest its end."""
    wait_s: float = 0
    """For how many seconds an answer is waited for."""


class Grants:
    """Given by the person at this machine."""

    def __init__(self, guard: Guard, ledger: Ledger) -> None:
        self._guard = guard
        self._ledger = ledger

    async def raise_budget(self, name: str, amount: str, reason: str, ttl: str | None) -> dict[str, Any]:
        """Raise a budget until its window ends, or for `ttl` (`30m`, `4h`, `2d`). Raises `UsageError`."""
        if not reason.strip():
            raise UsageError("a raise needs a reason", "add --reason WHY")
        slot = self._find(name)
        standing = await self._guard.counting.raises.raise_by(
            slot, amount_for(slot, amount), reason=reason, who=getpass.getuser(), ttl_us=_ttl_us(ttl)
        )
        return self._raised(standing)

    async def release_landing(self, name: str, reason: str) -> dict[str, Any]:
        """Give out what a budget holds back for landing, until its window ends. Raises `UsageError`."""
        slot = self._find(name)
        if not slot.budget.landing:
            raise UsageError(f"{slot.label} holds nothing back", "its landing is not set; see tokenguard budget list")
        if not self._guard.counting.standings.of(slot).held_back:
            raise UsageError(f"the landing reserve of {slot.label} is open already", "see tokenguard status")
        return self._raised(
            await self._guard.counting.raises.release_landing(slot, reason=reason or "released", who=getpass.getuser())
        )

    async def answer_hold(
        self, hold_id: str, *, answer: str, amount: str | None, reason: str | None, who: str | None = None
    ) -> dict[str, Any]:
        """Let a call that waits go on (`approve`, `cheaper`), or not (`deny`). Raises `UsageError`.

        Its budget is raised by `amount` if one is given, which other calls may use too; else by what the call takes, or
        by what its agent asked for.
        """
        guard, who = self._guard, who or getpass.getuser()
        hold = guard.holds.find(hold_id)
        if answer == "cheaper" and hold.cheaper is None:
            raise UsageError(f"there is no cheaper model for call {hold_id}", "approve it as it is, or deny it")
        value = hold.wants
        if amount is not None:
            if answer == "deny":
                raise UsageError("a denial takes no amount", "leave --amount out")
            if hold.slot is None:
                raise UsageError(f"call {hold_id} waits for no budget", "approve it without --amount")
            value = amount_for(hold.slot, amount)
        if value is not None and hold.slot is not None and answer != "deny":
            await guard.counting.raises.raise_by(hold.slot, value, reason=reason or "approved", who=who)
        if not hold.answer.done():
            hold.answer.set_result(Answer(answer, who, reason))
        return view.hold_view(hold) | {"answer": hold.answer.result().kind}

    async def ask_for_more(self, asked: AskForMore) -> dict[str, Any]:
        """An agent asks a person for more of a budget: its request, and the `answer`, if there is one in time.

        Asked again while it is open, that is waited for. Raises `UsageError`.
        """
        guard = self._guard
        live = guard.sessions.running.get(asked.session)
        if live is None or live.session.id == UNWRAPPED:
            raise UsageError(f"no session {asked.session} is running", "see tokenguard status")
        slot = self._raisable(live.session, asked.budget)
        hold = guard.asking.ask(live.session, Asked(slot, amount_for(slot, asked.amount), asked.reason))
        await asyncio.wait([hold.answer], timeout=min(asked.wait_s, PATIENCE_S))
        answer = hold.answer.result() if hold.answer.done() else Answer("waiting")
        told = {"answer": answer.kind, "who": answer.who, "answer_reason": answer.reason}
        return view.hold_view(hold) | told | {"standing": showing.budget_view(guard.counting.standings.of(slot))}

    def _find(self, label: str) -> Slot:
        """The slot that people call `label`: its label, the whole or the opaque one, or its budget's name.

        Sessions that have ended count too: their repositories' budgets can be raised before the next one. Raises
        `UsageError` if there is none, or more than one.
        """
        counting, running = self._guard.counting, self._guard.sessions.running.all()
        recent = queries.recent_sessions(self._ledger.read(), RECENT)
        slots = [one.slot for one in counting.standings.in_force([*(live.session for live in running), *recent])]
        slots += [slot for slot in counting.standings.glanced() if slot not in slots]
        found = [slot for slot in slots if label in (slot.label, safe_label(slot.label), slot.whole_label)]
        found = found or [slot for slot in slots if slot.budget.name == label]
        if not found:
            raise UsageError(f"there is no budget {label}", "see tokenguard status")
        if len({(ident(slot.budget), slot.key) for slot in found}) > 1:
            names = [slot.label for slot in found]
            names = names if len(set(names)) == len(names) else [slot.whole_label for slot in found]
            raise UsageError(f"{label} is more than one budget", f"name one: {', '.join(names)}")
        return found[0]

    def _raisable(self, session: Session, name: str | None) -> Slot:
        """The budget of this name that counts for a session and can be raised here; else the one nearest its end."""
        for standing in self._guard.counting.standings.ahead([session]):
            slot = standing.slot
            if slot.budget.scope != TEAM and name in (None, slot.label, slot.budget.name):
                return slot
        which = "no budget" if name is None else f"no budget {name}"
        raise UsageError(f"{which} that a person here can raise counts for this session", "see tokenguard status")

    def _raised(self, standing: Standing) -> dict[str, Any]:
        told = showing.budget_view(standing)
        self._guard.tell("budget.raised", told)
        return told


def _ttl_us(text: str | None) -> int | None:
    try:
        return None if text is None else span_us(text)
    except ValueError as error:
        raise UsageError(str(error), "use 30m, 4h or 2d") from error
