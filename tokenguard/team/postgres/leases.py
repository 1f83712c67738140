"""The leases of a machine, in a visit to the database: told of, renewed, asked for and given up."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from msgspec.structs import replace

from tokenguard.policy import leasing
from tokenguard.policy.leasing import Lease
from tokenguard.policy.money import usd
from tokenguard.records.teams import TeamBudget, TeamPolicy
from tokenguard.team.postgres import chains
from tokenguard.team.postgres.book import Book, State
from tokenguard.team.postgres.chains import Chain, Due
from tokenguard.team.postgres.connecting import Row, Session
from tokenguard.team.postgres.telling import Standing
from tokenguard.team.shape import Clock, Demand, Own, Taken


class Leases:
    """In the state of the machine, and in the session of a visit."""

    def __init__(self, session: Session, state: State, book: Book, clock: Clock, policy: TeamPolicy) -> None:
        self._session = session
        self._state = state
        self._book = book
        self._clock = clock
        self._policy = policy

    async def adopt(self) -> None:
        """A lease that an earlier visit asked for, without hearing of it, is ours if it was granted."""
        if self._state.asked:
            sent_s = self._clock.boot_s()
            rows = await self._session.run("report", lease=self._state.asked, spent=0, keep=0, final=False)
            await self._take(rows, sent_s)

    async def report(self, own: Own, in_use: frozenset[str]) -> list[str]:
        """Say what was spent of every lease, renew those that go on, close those that do not. Returns remarks.

        On those `in_use`, calls may still begin.
        """
        name = self._policy.name
        remarks: list[str] = []
        dues: list[tuple[Chain, Due]] = []
        budgets = [share.budget for share in self._state.shares]
        for chain in self._state.chains:
            taken = taken_in(own, budgets, chain)
            if leasing.forgotten(taken.spent - chain.base, chain.reported):
                self.put(Chain(*chain.span, base=taken.spent))
                remarks.append(f"calls that the team {name} knows of are lost here: its leases count as spent")
                continue
            left, said = chains.settle(chain, taken, in_use, self._clock.boot_s(), self._clock.boot_id)
            self.put(left)
            dues += [(chain, one) for one in said]
        if any(due.final for _, due in dues):
            await self._book.write(self._state)
        for chain, due in dues:
            sent_s = self._clock.boot_s()
            rows = await self._session.run("report", lease=due.lease, spent=due.spent, keep=due.keep, final=due.final)
            now = self.now(chain)
            lease = next(one for one in now.leases if one.id == due.lease)
            if rows:
                self.put(chains.put_lease(now, self._answered(lease, rows[0], sent_s)))
            else:
                self.put(replace(now, leases=tuple(one for one in now.leases if one is not lease)))
                # What is over was folded meanwhile, and nothing that runs depends on it.
                if chain.until_us is None or self._clock.now_us() < chain.until_us:
                    remarks.append(f"the database of the team {name} does not know a lease that it granted")
        return remarks

    async def ask(
        self,
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
        taken = taken_in(own, budgets, chain)
        unreported = chain.unreported(taken.spent)
        room = sum(lease.rest for lease in self.usable(chain)) - unreported - taken.reserved
        want, least = (wanted, wanted) if wanted else leasing.need(size, demand.largest, demand.short, room)
        if least:
            if await self._grant(want, least, firm=bool(wanted)):
                return ""
            return (
                f"the budget {binding.name} of the team {self._policy.name} has {usd(free)} left that nobody holds,"
                f" and {usd(least)} were needed"
            )
        if unreported and not chain.leases:
            # What was spent without any lease is told on one that holds nothing.
            await self._grant(0, 0)
        elif room > leasing.PLENTY * size:
            self.put(chains.without_largest(self.now(chain), self._clock.boot_s(), self._clock.boot_id))
        return ""

    def end(self) -> None:
        """Renew none of them any more."""
        for chain in self._state.chains:
            self.put(replace(chain, leases=tuple(replace(lease, ending=True) for lease in chain.leases)))

    def put(self, chain: Chain) -> None:
        """In place of the chain of that span."""
        self._state.chains = chains.put(self._state.chains, chain)

    def now(self, chain: Chain) -> Chain:
        """A chain as it is by now."""
        return chains.find(self._state.chains, chain.span)

    def usable(self, chain: Chain) -> list[Lease]:
        """On which calls may begin."""
        return self.now(chain).usable(self._clock.boot_s(), self._clock.boot_id)

    async def _grant(self, want: int, least: int, *, firm: bool = False) -> bool:
        if not self._state.asked:
            self._state.asked = str(uuid4())
            await self._book.write(self._state)
        sent_s = self._clock.boot_s()
        names = {
            "team": self._policy.name,
            "repository": self._policy.repository,
            "machine": self._state.machine,
            "visit": self._state.tokens[-1],
        }
        rows = await self._session.run("grant", **names, lease=self._state.asked, want=want, least=least)
        return await self._take(rows, sent_s, firm=firm)

    async def _take(self, rows: list[Row], sent_s: float, *, firm: bool = False) -> bool:
        """Write down a lease that was granted; whether it was."""
        for row in rows:
            chain = chains.find(self._state.chains, (row["since_us"], row["until_us"]))
            lease = self._answered(Lease(row["lease"], 0), row, sent_s)
            self.put(chains.put_lease(chain, replace(lease, firm_s=lease.deadline_s if firm else 0.0)))
            self._state.asked = ""
            await self._book.write(self._state)
        return bool(rows)

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


def taken_in(own: Own, budgets: Sequence[TeamBudget], chain: Chain) -> Taken:
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
