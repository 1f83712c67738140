"""One machine of a team: it leases, reports, renews and gives back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
from msgspec.structs import replace

from tokenguard.errors import TeamError
from tokenguard.policy import leasing
from tokenguard.policy.leasing import Lease
from tokenguard.policy.money import usd
from tokenguard.records.teams import Heard, Member, TeamPolicy
from tokenguard.team.identity import NEWS_US, renaming
from tokenguard.team.postgres import chains
from tokenguard.team.postgres.book import Book, State
from tokenguard.team.postgres.connecting import Session, connected, way_to
from tokenguard.team.postgres.leases import Leases, taken_in
from tokenguard.team.postgres.presence import Presence
from tokenguard.team.postgres.telling import Standing, budget_of, remarks_on, share_of, with_leases
from tokenguard.team.shape import Clock, Own, Place

DEADLINE_S = 8.0
"""For a visit to the database in all."""

_MOST_EXPIRED = 50
_MOST_FOLDED = 100
_MOST_MEMBERS = 200


class Machine:
    """See `team.shape.Backend`. One visit to the database at a time."""

    def __init__(self, policy: TeamPolicy, place: Place, clock: Clock, *, functions: bool | None = None) -> None:
        self._policy = policy
        self._place = place
        self._clock = clock
        self._functions = functions
        self._way = way_to(policy.database, place.login)
        self._book = Book(place.folder)
        self._presence = Presence(policy.name, place, clock, self._book)
        self.every_s = self._state.every_s
        """See `Backend.every_s`."""
        self._turn = asyncio.Lock()
        self._in_use: frozenset[str] = frozenset()
        """Leases on which whoever was told last may still begin calls."""

    @property
    def machine(self) -> str:
        """See `Backend.machine`."""
        return self._state.machine

    @property
    def _state(self) -> State:
        return self._presence.state

    def last(self) -> Heard | None:
        """See `Backend.last`."""
        return self._heard(self._in_use) if self._state.heard_us else None

    async def sync(self, own: Own) -> Heard:
        """See `Backend.sync`."""
        async with self._visit() as session:
            await self._round(session, own, 0)
            return self._heard()

    async def lease(self, own: Own, amount: int) -> Heard:
        """See `Backend.lease`."""
        async with self._visit() as session:
            if refused := await self._round(session, own, amount):
                raise TeamError(refused, "ask for less, or have the limit raised: tokenguard team raise")
            return self._heard()

    async def change(self, budget: str, amount: int, reason: str) -> Heard:
        """See `Backend.change`. It is of the window that runs."""
        async with self._visit() as session:
            rows = {row.name: row for row in await self._standing(session)}
            row = rows.get(budget)
            if row is None:
                raise TeamError(f'the team {self._policy.name} has no budget "{budget}"', f"it has {', '.join(rows)}")
            if not row.admin:
                raise TeamError(f'who may change "{budget}" administers it, and you do not', "ask who does")
            if row.cap + amount < 0:
                raise TeamError(f'"{budget}" has {usd(row.cap)}, and no limit is below $0')
            await session.run("change", team=self._policy.name, budget=budget, amount=amount, reason=reason)
            self._state.shares = tuple(
                replace(share, budget=replace(share.budget, limit=share.budget.limit + amount))
                if share.budget.name == budget
                else share
                for share in self._state.shares
            )
            await self._book.write(self._state)
            return self._heard()

    async def leave(self, own: Own) -> None:
        """See `Backend.leave`. Calls begin no longer on what was granted."""
        self._in_use = frozenset()
        async with self._visit() as session:
            leases = self._leases(session)
            await leases.adopt()
            leases.end()
            await leases.report(own, self._in_use)
            self._state.chains = tuple(chains.without_closed(chain) for chain in self._state.chains)
            # For the last time: that nothing of them is remembered.
            await self._presence.enters(session)
            await self._book.write(self._state)

    async def close(self) -> None:
        """See `Backend.close`. No connection outlives a visit."""
        async with self._turn:
            self._presence.release()

    @asynccontextmanager
    async def _visit(self) -> AsyncGenerator[Session]:
        try:
            async with (
                asyncio.timeout(DEADLINE_S),
                self._turn,
                connected(self._way, functions=self._functions) as session,
            ):
                self._presence.take()
                if not await self._presence.enters(session):
                    self._presence.rename()
                    self._in_use = frozenset()
                    await self._presence.enters(session)
                yield session
        except TimeoutError:
            raise TeamError(f"the team's database did not answer within {DEADLINE_S:.0f} s") from None

    async def _round(self, session: Session, own: Own, wanted: int) -> str:
        """Report, hear, and ask for more where it runs low. Returns why that was refused."""
        state, leases = self._state, self._leases(session)
        await leases.adopt()
        remarks = [self._presence.trouble, *await leases.report(own, self._in_use)]
        rows = await self._standing(session)
        if rows[0].lapsed:
            await session.run("expire", team=self._policy.name, most=_MOST_EXPIRED)
            rows = await self._standing(session)
        budgets = [budget_of(self._policy, row) for row in rows]
        chain = chains.find(state.chains, chains.span_of(rows))
        if not state.heard_us:
            chain = replace(chain, base=taken_in(own, budgets, chain).spent)
            leases.put(chain)
        ours = sum(lease.rest for lease in leases.usable(chain))
        refused = await leases.ask(own, rows, budgets, chain, wanted)
        members = await session.run("members", **self._names, most=_MOST_MEMBERS)

        state.chains = chains.tidy(state.chains, rows[0].now_us)
        unreported = leases.now(chain).unreported(taken_in(own, budgets, chain).spent)
        state.shares = tuple(
            share_of(budget, row, ours, own.taken(budget, row.since_us, row.until_us).spent - unreported)
            for budget, row in zip(budgets, rows, strict=True)
        )
        state.members = tuple(msgspec.convert(row, Member) for row in members)
        state.heard_us = self._clock.now_us()
        if state.renamed_us and abs(state.heard_us - state.renamed_us) < NEWS_US:
            member = self._place.member
            remarks.append(renaming(f"{member}/{state.machine}", f"{member}/{state.joined}"))
        remarks += [*remarks_on(self._policy, rows, state.heard_us), refused]
        state.remarks = tuple(remark for remark in remarks if remark)
        self.every_s = state.every_s = leasing.pace(rows[0].ttl_s, max(row.live for row in rows))
        self._presence.trouble = ""
        await self._book.write(state)
        if rows[0].foldable:
            await session.run("fold", team=self._policy.name, most=_MOST_FOLDED)
        return refused

    def _leases(self, session: Session) -> Leases:
        return Leases(session, self._state, self._book, self._clock, self._policy)

    @property
    def _names(self) -> dict[str, str]:
        return {"team": self._policy.name, "repository": self._policy.repository}

    async def _standing(self, session: Session) -> list[Standing]:
        rows = await session.run("standing", **self._names)
        if not rows:
            raise TeamError(
                f"{self._place.member or 'this login'} is no member of the team {self._policy.name} in its database",
                "who administers it runs: tokenguard team add",
            )
        return msgspec.convert(rows, list[Standing])

    def _heard(self, still_in_use: frozenset[str] = frozenset()) -> Heard:
        """What was heard last, with what may be used of it now.

        Whoever looks again may go on with what a visit has told before; after a visit, its answer is what counts.
        """
        state = self._state
        usable: list[Lease] = []
        if state.shares:
            chain = chains.find(state.chains, chains.span_of(state.shares))
            usable = chain.usable(self._clock.boot_s(), self._clock.boot_id)
        self._in_use = still_in_use.union(lease.id for lease in usable)
        shares = tuple(with_leases(share, usable) for share in state.shares)
        return Heard(state.heard_us, shares, state.members, state.remarks)
