"""One machine of a team: it leases, reports, renews and gives back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from tokenguard.errors import TeamError
from tokenguard.policy import leasing
from tokenguard.policy.leasing import Lease
from tokenguard.policy.money import usd
from tokenguard.records.teams import Heard, Member, TeamBudget, TeamPolicy
from tokenguard.team.identity import NEWS_US, new_machine, renaming, where
from tokenguard.team.ownership import Ownership
from tokenguard.team.postgres import chains
from tokenguard.team.postgres.book import Book, State, placed, renamed
from tokenguard.team.postgres.chains import Chain, Due
from tokenguard.team.postgres.connecting import Row, Session, connected, way_to
from tokenguard.team.postgres.telling import Standing, budget_of, remarks_on, share_of, with_leases
from tokenguard.team.shape import Clock, Demand, Own, Place, Taken

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
        self._ownership = Ownership(place.folder)
        self._spare = new_machine()
        """Under which name it goes on if it turns out to be a copy."""
        self._state, self._trouble = self._read()
        self._token = ""
        """Of a visit that nobody heard of."""
        self.every_s = self._state.every_s
        """See `Backend.every_s`."""
        self._turn = asyncio.Lock()
        self._in_use: frozenset[str] = frozenset()
        """Leases on which whoever was told last may still begin calls."""

    @property
    def machine(self) -> str:
        """See `Backend.machine`."""
        return self._state.machine

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
            await self._adopt(session)
            for chain in self._state.chains:
                self._put(replace(chain, leases=tuple(replace(lease, ending=True) for lease in chain.leases)))
            await self._report(session, own)
            self._state.chains = tuple(chains.without_closed(chain) for chain in self._state.chains)
            # For the last time: that nothing of them is remembered.
            await self._enters(session)
            await self._book.write(self._state)

    async def close(self) -> None:
        """See `Backend.close`. No connection outlives a visit."""
        async with self._turn:
            self._ownership.release()

    @asynccontextmanager
    async def _visit(self) -> AsyncGenerator[Session]:
        try:
            async with (
                asyncio.timeout(DEADLINE_S),
                self._turn,
                connected(self._way, functions=self._functions) as session,
            ):
                if self._ownership.take():
                    # Another process may have written it until now.
                    self._state, self._trouble = self._read()
                if not await self._enters(session):
                    self._state = renamed(self._state, self._spare, self._clock.now_us())
                    self._spare = new_machine()
                    self._in_use = frozenset()
                    await self._enters(session)
                yield session
        except TimeoutError:
            raise TeamError(f"the team's database did not answer within {DEADLINE_S:.0f} s") from None

    def _read(self) -> tuple[State, str]:
        """What was written, and what is wrong with it."""
        state, trouble = self._book.read()
        here = where(self._place.folder)
        return placed(state, self._place.machine, here, self._spare, self._clock.now_us()), trouble

    async def _enters(self, session: Session) -> bool:
        """Say who comes, and which leases it remembers, as it is written down.

        False: under this name somebody else comes, who remembered the same.
        """
        state = self._state
        remembered = [lease.id for chain in state.chains for lease in chain.leases]
        if not self._token:
            self._token = secrets.token_hex(6)
            state.tokens = (*state.tokens, self._token)
        await self._book.write(state)
        rows = await session.run(
            "visit",
            team=self._policy.name,
            machine=state.machine,
            visits=state.visits,
            known=list(state.tokens),
            token=self._token,
            open=[*remembered, *([state.asked] if state.asked else [])],
        )
        token, self._token = self._token, ""
        if rows and not rows[0]["yours"]:
            return False
        state.tokens = (token,)
        state.visits = rows[0]["visits"] if rows else 0
        return True

    async def _round(self, session: Session, own: Own, wanted: int) -> str:
        """Report, hear, and ask for more where it runs low. Returns why that was refused."""
        state = self._state
        await self._adopt(session)
        remarks = [self._trouble, *await self._report(session, own)]
        rows = await self._standing(session)
        if rows[0].lapsed:
            await session.run("expire", team=self._policy.name, most=_MOST_EXPIRED)
            rows = await self._standing(session)
        budgets = [budget_of(self._policy, row) for row in rows]
        chain = chains.find(state.chains, chains.span_of(rows))
        if not state.heard_us:
            chain = replace(chain, base=_taken(own, budgets, chain).spent)
            self._put(chain)
        ours = sum(lease.rest for lease in self._usable(chain))
        refused = await self._ask(session, own, rows, budgets, chain, wanted)
        members = await session.run("members", **self._names, most=_MOST_MEMBERS)

        state.chains = chains.tidy(state.chains, rows[0].now_us)
        unreported = self._now(chain).unreported(_taken(own, budgets, chain).spent)
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
        self._trouble = ""
        await self._book.write(state)
        if rows[0].foldable:
            await session.run("fold", team=self._policy.name, most=_MOST_FOLDED)
        return refused

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

    async def _adopt(self, session: Session) -> None:
        """A lease that an earlier visit asked for, without hearing of it, is ours if it was granted."""
        if self._state.asked:
            sent_s = self._clock.boot_s()
            await self._take(await session.run("report", lease=self._state.asked, spent=0, keep=0, final=False), sent_s)

    async def _take(self, rows: list[Row], sent_s: float, *, firm: bool = False) -> bool:
        """Write down a lease that was granted; whether it was."""
        for row in rows:
            chain = chains.find(self._state.chains, (row["since_us"], row["until_us"]))
            lease = self._answered(Lease(row["lease"], 0), row, sent_s)
            self._put(chains.put_lease(chain, replace(lease, firm_s=lease.deadline_s if firm else 0.0)))
            self._state.asked = ""
            await self._book.write(self._state)
        return bool(rows)

    async def _report(self, session: Session, own: Own) -> list[str]:
        """Say what was spent of every lease, renew those that go on, close those that do not. Returns remarks."""
        name = self._policy.name
        remarks: list[str] = []
        dues: list[tuple[Chain, Due]] = []
        budgets = [share.budget for share in self._state.shares]
        for chain in self._state.chains:
            taken = _taken(own, budgets, chain)
            if leasing.forgotten(taken.spent - chain.base, chain.reported):
                self._put(Chain(*chain.span, base=taken.spent))
                remarks.append(f"calls that the team {name} knows of are lost here: its leases count as spent")
                continue
            left, said = chains.settle(chain, taken, self._in_use, self._clock.boot_s(), self._clock.boot_id)
            self._put(left)
            dues += [(chain, one) for one in said]
        if any(due.final for _, due in dues):
            await self._book.write(self._state)
        for chain, due in dues:
            sent_s = self._clock.boot_s()
            rows = await session.run("report", lease=due.lease, spent=due.spent, keep=due.keep, final=due.final)
            now = self._now(chain)
            lease = next(one for one in now.leases if one.id == due.lease)
            if rows:
                self._put(chains.put_lease(now, self._answered(lease, rows[0], sent_s)))
            else:
                self._put(replace(now, leases=tuple(one for one in now.leases if one is not lease)))
                # What is over was folded meanwhile, and nothing that runs depends on it.
                if chain.until_us is None or self._clock.now_us() < chain.until_us:
                    remarks.append(f"the database of the team {name} does not know a lease that it granted")
        return remarks

    def _answered(self, lease: Lease, row: Row, sent_s: float) -> Lease:
        """A lease, by what the database says of it."""
        return replace(
            lease,
            amount=row["amount"],
            spent=row["spent"],
            deadline_s=leasing.deadline(sent_s, row["left_s"]),
            boot=self._clock.boot_id,
            ending=lease.ending or row["state"] != "live" or row["left_s"] <= 0,
            closed=row["state"] in ("closed", "written_off"),
        )

    async def _ask(
        self,
        session: Session,
        own: Own,
        rows: Sequence[Standing],
        budgets: Sequence[TeamBudget],
        chain: Chain,
        wanted: int,
    ) -> str:
        """Ask for a lease if one is needed, give one up if too much is unused. Returns why it was refused."""
        demand = _demand(own, budgets)
        binding = min(rows, key=lambda row: row.free)
        free, active = max(0, binding.free), max(row.live for row in rows)
        size = leasing.size(demand.burn, demand.parallel, demand.largest, free, active)
        taken = _taken(own, budgets, chain)
        unreported = chain.unreported(taken.spent)
        room = sum(lease.rest for lease in self._usable(chain)) - unreported - taken.reserved
        want, least = (wanted, wanted) if wanted else leasing.need(size, demand.largest, demand.short, room)
        if least:
            if await self._grant(session, want, least, firm=bool(wanted)):
                return ""
            return (
                f"the budget {binding.name} of the team {self._policy.name} has {usd(free)} left that nobody holds,"
                f" and {usd(least)} were needed"
            )
        if unreported and not chain.leases:
            # What was spent without any lease is told on one that holds nothing.
            await self._grant(session, 0, 0)
        elif room > leasing.PLENTY * size:
            self._put(chains.without_largest(self._now(chain), self._clock.boot_s(), self._clock.boot_id))
        return ""

    async def _grant(self, session: Session, want: int, least: int, *, firm: bool = False) -> bool:
        if not self._state.asked:
            self._state.asked = str(uuid4())
            await self._book.write(self._state)
        sent_s = self._clock.boot_s()
        names = {**self._names, "machine": self._state.machine, "visit": self._state.tokens[-1]}
        rows = await session.run("grant", **names, lease=self._state.asked, want=want, least=least)
        return await self._take(rows, sent_s, firm=firm)

    def _heard(self, still_in_use: frozenset[str] = frozenset()) -> Heard:
        """What was heard last, with what may be used of it now.

        Whoever looks again may go on with what a visit has told before; after a visit, its answer is what counts.
        """
        state = self._state
        usable = self._usable(Chain(*chains.span_of(state.shares))) if state.shares else []
        self._in_use = still_in_use.union(lease.id for lease in usable)
        shares = tuple(with_leases(share, usable) for share in state.shares)
        return Heard(state.heard_us, shares, state.members, state.remarks)

    def _put(self, chain: Chain) -> None:
        self._state.chains = chains.put(self._state.chains, chain)

    def _now(self, chain: Chain) -> Chain:
        """A chain as it is by now."""
        return chains.find(self._state.chains, chain.span)

    def _usable(self, chain: Chain) -> list[Lease]:
        return self._now(chain).usable(self._clock.boot_s(), self._clock.boot_id)


def _taken(own: Own, budgets: Sequence[TeamBudget], chain: Chain) -> Taken:
    """What this machine has taken in the span of a chain, as the budget that counts most has it."""
    found = [own.taken(budget, chain.since_us, chain.until_us) for budget in budgets]
    return Taken(max((one.spent for one in found), default=0), max((one.reserved for one in found), default=0))


def _demand(own: Own, budgets: Sequence[TeamBudget]) -> Demand:
    found = [own.demand(budget) for budget in budgets]
    return Demand(
        max(one.burn for one in found),
        max(one.largest for one in found),
        max(one.short for one in found),
        max(one.parallel for one in found),
    )
