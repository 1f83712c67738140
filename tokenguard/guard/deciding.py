"""From a call to a verdict: what every budget says, and what can be done so that it goes through all the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from msgspec.structs import replace

from tokenguard.agents import Agents
from tokenguard.guard.adapting import Adapter
from tokenguard.guard.approving import Approvals
from tokenguard.guard.counting import Counting
from tokenguard.guard.holds import Holds
from tokenguard.guard.noticing import Notice, Noticing
from tokenguard.guard.over import Over, stopping
from tokenguard.guard.patience import Patience
from tokenguard.guard.reserving import Reserver
from tokenguard.guard.ruling import Ruling, sentence
from tokenguard.ledger import Decision
from tokenguard.policy import wording
from tokenguard.policy.budgets import Slot
from tokenguard.policy.worst import by_count
from tokenguard.records import Call, Facts, Verdict

Count: TypeAlias = Callable[[], Awaitable[int | None]]


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
        self._noticing = noticing
        self._now = now
        self._patience = Patience(counting)
        self._adapter = Adapter(counting)
        self._approvals = Approvals(counting, holds, record, now)
        self._reserver: Reserver

    def price_by(self, reserver: Reserver) -> None:
        """Go by other prices."""
        self._reserver = self._adapter.reserver = self._approvals.reserver = reserver

    def know(self, agents: Agents) -> None:
        """These are the agents that can call."""
        self._approvals.agents = agents

    async def rule(self, call: Call, facts: Facts, count: Count | None = None) -> Ruling:
        """Decide, which can take as long as a person may take to answer. Raises `LedgerError`.

        `count` asks the provider how many tokens the prompt has; None where it has no counter, or does not answer.
        """
        asked = Ruling(call, facts, self._reserver.reservation(call, facts), Verdict("allow"))
        about = asked.reservation.mean or asked.reservation.likely
        for notice in self._noticing.notices(call, facts, about):
            asked = await self._noticed(asked, notice)
            if asked.verdict.action == "refuse":
                return asked
        asked, over = await self._reserved(asked)
        if stopping(over) and count is not None and (counted := await self._counted(asked, count)) is not None:
            asked, over = await self._reserved(counted)
        if opened := await self._open_landing(over):
            asked, over = await self._reserved(asked)
        if not stopping(over):
            return replace(asked, verdict=_warning(over, opened) or asked.verdict)
        return (
            self._adapter.clamped(asked, over)
            or self._adapter.downgraded(asked, over)
            or await self._approvals.held(asked, over)
            or self._refused(asked, over)
        )

    async def _reserved(self, asked: Ruling) -> tuple[Ruling, list[Over]]:
        call, over = await self._patience.reserve(asked.call, asked.reservation)
        return replace(asked, call=call), over

    async def _counted(self, asked: Ruling, count: Count) -> Ruling | None:
        """With the provider's own count of its prompt, if that likely makes it fit; None if there is none."""

        def having(tokens: int) -> Ruling:
            facts = replace(asked.facts, counted=by_count(tokens))
            return replace(asked, facts=facts, reservation=self._reserver.reservation(asked.call, facts))

        hoped = having(asked.reservation.likely.usage.prompt)
        tokens = await count() if self._counting.fits(asked.call, hoped.reservation) else None
        return None if tokens is None else having(tokens)

    async def _noticed(self, asked: Ruling, notice: Notice) -> Ruling:
        """With what a notice makes of it."""
        if notice.action == "refuse":
            return replace(asked, verdict=Verdict("refuse", None, wording.plain_refusal(notice.text)))
        if notice.action != "hold":
            return replace(asked, verdict=Verdict("warn", None, notice.text))
        asked = await self._approvals.noticed(asked, notice.text)
        if notice.runaway and asked.verdict.action != "refuse":
            self._noticing.runaway.excuse(asked.call.session)
        return asked

    async def _open_landing(self, over: list[Over]) -> list[Slot]:
        """Open the landing reserves that open by themselves, for the first call that does not fit without them."""
        opening = [
            one.standing.slot
            for one in stopping(over)
            if one.standing.held_back and one.standing.slot.budget.landing_release == "auto"
        ]
        for slot in opening:
            await self._counting.raises.release_landing(slot, reason="the rest is used up", who="tokenguard")
        return opening

    def _refused(self, asked: Ruling, over: list[Over]) -> Ruling:
        first = over[0]
        text = sentence(first, self._now())
        return replace(asked, verdict=Verdict("refuse", first.standing.slot.label, text))


def _warning(over: list[Over], opened: list[Slot]) -> Verdict | None:
    """What to say of a call that goes through all the same."""
    if over:
        label = over[0].standing.slot.label
        return Verdict("warn", label, f"the budget {label} is used up; it only warns")
    if opened:
        label = opened[0].label
        return Verdict("warn", label, f"the budget {label} is used up; its landing reserve is open")
    return None
