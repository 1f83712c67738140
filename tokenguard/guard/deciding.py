"""From a call to a verdict: what every budget says, and what can be done so that it goes through all the same."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.agents import Agents
from tokenguard.guard.books import Reservation
from tokenguard.guard.counting import Counting, Over, stops
from tokenguard.guard.holds import Answer, Hold, Holds, decision
from tokenguard.guard.noticing import Notice, Noticing
from tokenguard.guard.reserving import Reserver
from tokenguard.guard.slots import resets_at
from tokenguard.ledger import Decision
from tokenguard.policy import estimate, wording
from tokenguard.policy.budgets import TEAM, Slot
from tokenguard.policy.money import rounded_up
from tokenguard.records import Call, Facts, Verdict

LEAST_CLAMP = 1_000
"""Tokens of output below which a call is refused rather than clamped: an agent can do nothing with less."""

Count: TypeAlias = Callable[[], Awaitable[int | None]]

USUAL_LIMIT = 32_000
"""The most that is put in where a request has no output limit: what agents ask for, and all models take."""

_SOON_S = 0.05
"""Between two looks at a window that is about to end, by a clock that may have been set back."""

_APPROVALS = ("approve", "cheaper")

_TRIES = 5
"""How often an approved call is made room for, while other calls take it away."""


class Ruling(Struct, frozen=True):
    """What becomes of a call. Unless it is refused, it is reserved in all its budgets."""

    call: Call
    """As it is to be forwarded."""
    facts: Facts
    reservation: Reservation
    verdict: Verdict
    max_output: int | None = None
    """The output limit to put into the request; None to leave it."""


class Decider:
    """Rules on calls by the budgets that count them."""

    def __init__(
        self,
        counting: Counting,
        holds: Holds,
        noticing: Noticing,
        record: Callable[[Decision], object],
        now: Callable[[], int],
    ) -> None:
        """`record` keeps what people decided."""
        self._counting = counting
        self._record = record
        self._holds = holds
        self._noticing = noticing
        self._now = now
        self.reserver: Reserver
        self.agents: Agents

    async def rule(self, call: Call, facts: Facts, count: Count | None = None) -> Ruling:
        """Decide, which can take as long as a person may take to answer. Raises `LedgerError`.

        `count` asks the provider how many tokens the prompt has; None where it has no counter, or does not answer.
        """
        asked = Ruling(call, facts, self.reserver.reservation(call, facts), Verdict("allow"))
        about = asked.reservation.mean or asked.reservation.likely
        for notice in self._noticing.notices(call, facts, about):
            asked = await self._noticed(asked, notice)
            if asked.verdict.action == "refuse":
                return asked
        asked, over = await self._reserved(asked)
        if _stopping(over) and count is not None and (counted := await self._counted(asked, count)) is not None:
            asked, over = await self._reserved(counted)
        if opened := await self._open_landing(over):
            asked, over = await self._reserved(asked)
        if not _stopping(over):
            return replace(asked, verdict=_warning(over, opened) or asked.verdict)
        return (
            self._clamped(asked, over)
            or self._downgraded(asked, over)
            or await self._held(asked, over)
            or self._refused(asked, over)
        )

    async def _reserved(self, asked: Ruling) -> tuple[Ruling, list[Over]]:
        call, over = await self._counting.reserve(asked.call, asked.reservation)
        return replace(asked, call=call), over

    async def _counted(self, asked: Ruling, count: Count) -> Ruling | None:
        """With the provider's own count of its prompt, if that likely makes it fit; None if there is none."""

        def having(tokens: int) -> Ruling:
            facts = replace(asked.facts, counted=estimate.by_count(tokens))
            return replace(asked, facts=facts, reservation=self.reserver.reservation(asked.call, facts))

        hoped = having(asked.reservation.likely.usage.prompt)
        tokens = await count() if self._counting.fits(asked.call, hoped.reservation) else None
        return None if tokens is None else having(tokens)

    async def _noticed(self, asked: Ruling, notice: Notice) -> Ruling:
        """With what a notice makes of it."""
        if notice.action == "refuse":
            return replace(asked, verdict=Verdict("refuse", None, wording.plain_refusal(notice.text)))
        if notice.action != "hold":
            return replace(asked, verdict=Verdict("warn", None, notice.text))
        hold = self._hold(asked, notice.text)
        answer = await self._answer(hold, None)
        if answer.kind not in _APPROVALS:
            return self._unapproved(asked, hold, answer)
        if notice.runaway:
            self._noticing.runaway.excuse(asked.call.session)
        return self._approved(asked, hold, answer)

    async def _open_landing(self, over: list[Over]) -> list[Slot]:
        """Open the landing reserves that open by themselves, for the first call that does not fit without them."""
        opening = [
            one.standing.slot
            for one in _stopping(over)
            if one.standing.held_back and one.standing.slot.budget.landing_release == "auto"
        ]
        for slot in opening:
            await self._counting.release_landing(slot, reason="the rest is used up", who="tokenguard")
        return opening

    def _clamped(self, asked: Ruling, over: list[Over]) -> Ruling | None:
        """With the highest output limit that fits."""
        stopping = _stopping(over)
        if not all(one.standing.slot.budget.clamp for one in stopping):
            return None
        least = max(LEAST_CLAMP, asked.facts.least_output)
        given = asked.facts.max_output
        most = given - 1 if given else min(self.reserver.longest_output(asked.call) or 0, USUAL_LIMIT)
        fitting = self._highest(asked, least, most)
        if fitting is None:
            return None
        facts = replace(asked.facts, max_output=fitting)
        reservation = self.reserver.reservation(asked.call, facts)
        self._counting.try_reserve(asked.call, reservation)
        label = stopping[0].standing.slot.label
        verdict = Verdict(
            "warn", label, f"its output is limited to {fitting} tokens, which the budget {label} can take"
        )
        return Ruling(asked.call, facts, reservation, verdict, max_output=fitting)

    def _highest(self, asked: Ruling, least: int, most: int) -> int | None:
        """The highest output limit, within these, with which a call fits everywhere."""

        def fits(limit: int) -> bool:
            reservation = self.reserver.reservation(asked.call, replace(asked.facts, max_output=limit))
            return self._counting.fits(asked.call, reservation)

        if most < least or not fits(least):
            return None
        while least < most:
            middle = (least + most + 1) // 2
            least, most = (middle, most) if fits(middle) else (least, middle - 1)
        return least

    def _downgraded(self, asked: Ruling, over: list[Over]) -> Ruling | None:
        """With the model that a budget names in place of the one that was asked for."""
        wanted = asked.call.model
        for one in _stopping(over):
            budget = one.standing.slot.budget
            pairs = budget.downgrade if budget.at_limit == "downgrade" else ()
            model = next((model for glob, model in pairs if fnmatchcase(wanted, glob)), wanted)
            if model == wanted:
                continue
            call = replace(asked.call, model=model, requested=wanted)
            facts = replace(asked.facts, model=model, counted=None)
            reservation = self.reserver.reservation(call, facts)
            if not _stopping(self._counting.try_reserve(call, reservation)):
                label = one.standing.slot.label
                text = f"the budget {label} cannot take {wanted}; {model} serves in its place"
                return Ruling(call, facts, reservation, Verdict("downgrade", label, text))
        return None

    async def _held(self, asked: Ruling, over: list[Over]) -> Ruling | None:
        """With a person's approval, which raises what stands in the way by what the call takes."""
        stopping = _stopping(over)
        actions = {one.standing.slot.budget.at_limit for one in stopping}
        if "hold" not in actions or "refuse" in actions:
            return None
        reason = self._sentence(stopping[0])
        hold = self._hold(asked, reason, stopping[0])
        answer = await self._answer(hold, asked)
        if answer.kind == "fits":
            verdict = Verdict("allow", hold.budget, "it waited until there was room")
            return replace(asked, call=hold.call, verdict=verdict)
        if answer.kind not in _APPROVALS:
            return self._unapproved(asked, hold, answer)
        asked = self._approved(asked, hold, answer)
        for _ in range(_TRIES):
            asked = replace(asked, call=self._counting.dated(asked.call))
            left = _stopping(self._counting.try_reserve(asked.call, asked.reservation))
            if not left:
                return asked
            if any(one.standing.slot.budget.scope == TEAM for one in left):
                return None  # who approves has nothing of the team's to give
            for one in left:
                reason = answer.reason or f"call {asked.call.id} was approved"
                slot = one.standing.slot
                value = rounded_up(one.shortfall, slot.budget.unit)
                await self._counting.raise_by(slot, value, reason=reason, who=answer.who)
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
                    if not _stopping(self._counting.try_reserve(hold.call, asked.reservation)):
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

    def _refused(self, asked: Ruling, over: list[Over]) -> Ruling:
        first = over[0]
        text = self._sentence(first)
        return replace(asked, verdict=Verdict("refuse", first.standing.slot.label, text))

    def _sentence(self, over: Over) -> str:
        # What would have to be free: with a margin, where it is not certain.
        need = over.standing.remaining + over.shortfall if over.need.bounded else None
        return wording.refusal(over.standing, need, self._now(), resets_at(over.standing))


def _stopping(over: list[Over]) -> list[Over]:
    return [one for one in over if stops(one.standing)]


def _warning(over: list[Over], opened: list[Slot]) -> Verdict | None:
    """What to say of a call that goes through all the same."""
    if over:
        label = over[0].standing.slot.label
        return Verdict("warn", label, f"the budget {label} is used up; it only warns")
    if opened:
        label = opened[0].label
        return Verdict("warn", label, f"the budget {label} is used up; its landing reserve is open")
    return None
