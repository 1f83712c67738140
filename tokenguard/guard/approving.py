"""Calls that wait for a person: they go on as the answer says, or where there is room again."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from tokenguard.agents import Agents
from tokenguard.guard.counting import Counting
from tokenguard.guard.holds import Answer, Hold, Holds, decision
from tokenguard.guard.over import Over, stopping
from tokenguard.guard.reserving import Reserver
from tokenguard.guard.ruling import Ruling, sentence
from tokenguard.ledger import Decision
from tokenguard.policy import wording
from tokenguard.policy.budgets import TEAM
from tokenguard.policy.money import rounded_up
from tokenguard.records import Verdict

_SOON_S = 0.05
"""Between two looks at a window that is about to end, by a clock that may have been set back."""

_APPROVALS = ("approve", "cheaper")

_TRIES = 5
"""How often an approved call is made room for, while other calls take it away."""


class Approvals:
    """Asks people. `reserver` and `agents` are set, and set anew with other prices and agents."""

    reserver: Reserver
    agents: Agents

    def __init__(
        self, counting: Counting, holds: Holds, record: Callable[[Decision], object], now: Callable[[], int]
    ) -> None:
        """`record` keeps what people decided."""
        self._counting = counting
        self._holds = holds
        self._record = record
        self._now = now

    async def noticed(self, asked: Ruling, text: str) -> Ruling:
        """A call that a person is asked about because of what was noticed, whatever budgets say."""
        hold = self._hold(asked, text)
        answer = await self._answer(hold, None)
        if answer.kind not in _APPROVALS:
            return self._unapproved(asked, hold, answer)
        return self._approved(asked, hold, answer)

    async def held(self, asked: Ruling, over: list[Over]) -> Ruling | None:
        """With a person's approval, which raises what stands in the way by what the call takes."""
        full = stopping(over)
        actions = {one.standing.slot.budget.at_limit for one in full}
        if "hold" not in actions or "refuse" in actions:
            return None
        reason = sentence(full[0], self._now())
        hold = self._hold(asked, reason, full[0])
        answer = await self._answer(hold, asked)
        if answer.kind == "fits":
            verdict = Verdict("allow", hold.budget, "it waited until there was room")
            return replace(asked, call=hold.call, verdict=verdict)
        if answer.kind not in _APPROVALS:
            return self._unapproved(asked, hold, answer)
        asked = self._approved(asked, hold, answer)
        for _ in range(_TRIES):
            asked = replace(asked, call=self._counting.dated(asked.call))
            left = stopping(self._counting.try_reserve(asked.call, asked.reservation))
            if not left:
                return asked
            if any(one.standing.slot.budget.scope == TEAM for one in left):
                return None  # who approves has nothing of the team's to give
            for one in left:
                reason = answer.reason or f"call {asked.call.id} was approved"
                slot = one.standing.slot
                value = rounded_up(one.shortfall, slot.budget.unit)
                await self._counting.raises.raise_by(slot, value, reason=reason, who=answer.who)
        return None

    def _hold(self, asked: Ruling, reason: str, over: Over | None = None) -> Hold:
        call, about = asked.call, asked.reservation.about_nanos
        seconds = self.agents.named(call.agent).HOLD_SECONDS
        found = self.reserver.cheaper(call, asked.facts)
        cheaper = None if found is None else (found[0].model, found[2].about_nanos)
        return Hold(call, reason, about, self._now(), seconds, over.standing.slot if over else None, cheaper)

    def _approved(self, asked: Ruling, hold: Hold, answer: Answer) -> Ruling:
        """As a person has let it go on: as it is, or with a cheaper model."""
        found = self.reserver.cheaper(asked.call, asked.facts) if answer.kind == "cheaper" else None
        if found is None:
            return replace(asked, verdict=Verdict("allow", hold.budget, f"approved by {answer.who}"))
        call, facts, reservation = found
        text = f"{answer.who} lets {call.model} serve in place of {asked.call.model}"
        return Ruling(call, facts, reservation, Verdict("downgrade", hold.budget, text))

    async def _answer(self, hold: Hold, asked: Ruling | None) -> Answer:
        """Wait for an answer; or, where a call is given, until it fits. It is reserved then."""
        with self._holds.waiting(hold):
            while not hold.answer.done():
                with self._counting.change() as changed:
                    left = hold.deadline - asyncio.get_running_loop().time()
                    either: list[asyncio.Future[Any]] = [hold.answer, changed]
                    await asyncio.wait(
                        either, timeout=min(left, self._until_reset(hold)), return_when=asyncio.FIRST_COMPLETED
                    )
                if hold.answer.done():
                    break
                if asyncio.get_running_loop().time() >= hold.deadline:
                    hold.answer.set_result(Answer("expired"))
                elif asked is not None:
                    hold.call = self._counting.dated(asked.call)
                    if not stopping(self._counting.try_reserve(hold.call, asked.reservation)):
                        hold.answer.set_result(Answer("fits"))
        answer = hold.answer.result()
        if answer.kind in (*_APPROVALS, "deny", "expired"):
            self._record(decision(hold, answer, self._now()))
        return answer

    def _until_reset(self, hold: Hold) -> float:
        """Seconds until the window ends that cannot take a call: the next one may."""
        end_us = hold.slot.window.end_us if hold.slot else None
        return math.inf if end_us is None else max(_SOON_S, (end_us - self._now()) / 1_000_000)

    def _unapproved(self, asked: Ruling, hold: Hold, answer: Answer) -> Ruling:
        text = wording.unapproved(hold.reason, answer.kind, answer.who, answer.reason)
        return replace(asked, verdict=Verdict("refuse", hold.budget, text))
