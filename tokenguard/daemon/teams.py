"""The teams that this machine is in, heard of for as long as the daemon runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from tokenguard.config.memberships import read_memberships
from tokenguard.config.paths import Paths
from tokenguard.daemon.names import names
from tokenguard.daemon.seats import Seat, backend_of, named, seat_in
from tokenguard.errors import TeamError, TokenguardError, UsageError
from tokenguard.guard import Guard
from tokenguard.guard.teams import Team
from tokenguard.policy.money import parse_amount
from tokenguard.records import Unit
from tokenguard.records.teams import Heard
from tokenguard.team.shape import Backend, Own

log = logging.getLogger(__name__)

DEADLINE_S = 15.0
"""For one exchange with a team: every backend has a shorter one of its own."""

PAUSE_S = 0.5
"""Between two exchanges, at least, whoever asks."""

FIRST_RETRY_S = 2.0


class Teams:
    """Hears of teams, and tells them what this machine takes. To be made in a running event loop."""

    def __init__(self, paths: Paths, guard: Guard) -> None:
        self._paths = paths
        self._guard = guard
        self._seats: dict[str, Seat] = {}
        self._changed = asyncio.Event()
        self._names: dict[str, str] = {}
        guard.teams.ask = self._ask
        self._take()

    async def run(self) -> None:
        """Until cancelled. Whatever happens to one team, the others go on."""
        while True:
            self._changed.clear()
            open_seats = [(seat, seat.backend) for seat in self._seats.values() if seat.backend is not None]
            try:
                async with asyncio.TaskGroup() as tasks:
                    following = [tasks.create_task(self._follow(*one)) for one in open_seats]
                    following.append(tasks.create_task(self._learn_names()))
                    await self._changed.wait()
                    for task in following:
                        task.cancel()
            finally:
                for _, backend in open_seats:
                    await backend.close()

    def reload(self) -> None:
        """Memberships have changed. Raises `ConfigError`, and then they stay as they were."""
        self._take()
        self._guard.counting.books.forget()
        self._changed.set()

    def view(self) -> dict[str, Any]:
        """All of them, as the control API tells them."""
        told: list[dict[str, Any]] = []
        for seat in self._seats.values():
            machine = seat.backend.machine if seat.backend else seat.membership.machine
            mine = {"member": seat.membership.member, "machine": machine}
            shown = self._guard.sharing.view(seat.name)
            named = [one | {"name": self._names.get(one["id"])} for one in shown["members"]]
            told.append({**shown, **mine, "members": named})
        return {"teams": told}

    def pushed(self, repository: str) -> None:
        """Somebody is about to push from a repository: a good moment for its teams to hear of it."""
        for seat in self._seats.values():
            if repository in seat.membership.repositories:
                seat.wanted.set()

    async def sync(self, name: str | None) -> None:
        """Hear of a team, or of all. Raises `TeamError` or `UsageError`."""
        await asyncio.gather(*[self._exchange(seat) for seat in named(self._seats, name)])

    async def lease(self, name: str | None, amount: str) -> None:
        """Have so many dollars more handed to this machine. Raises `TeamError` or `UsageError`."""
        nanos = _nanos(amount)
        for seat in named(self._seats, name):
            await self._exchange(seat, lambda backend, own: backend.lease(own, nanos))

    async def change(self, name: str | None, budget: str, amount: str, reason: str) -> None:
        """Raise a team's limit, or lower it by an amount that begins with a dash. Raises as `lease` does."""
        if not reason.strip():
            raise UsageError("a change needs a reason", "add --reason WHY")
        lower = amount.startswith("-")
        nanos = _nanos(amount.lstrip("+-")) * (-1 if lower else 1)
        for seat in named(self._seats, name, needs_one=True):
            await self._exchange(seat, lambda backend, _: backend.change(budget, nanos, reason))

    async def leave(self, name: str) -> None:
        """Report for the last time and give back what is left. Raises as `lease` does."""
        for seat in named(self._seats, name):
            async with seat.one_at_a_time:
                self._guard.sharing.stop(seat.name)
                try:
                    await backend_of(seat).leave(self._guard.sharing.own(seat.name))
                except TeamError:
                    self.reload()  # it takes part as before
                    raise
                seat.problem = "this machine has left it"

    def _take(self) -> None:
        """Be in the teams that are written down; what they said last holds as far as it is safe."""
        memberships = read_memberships(self._paths)
        seats: dict[str, Seat] = {}
        teams: list[Team] = []
        for one in memberships:
            seat = seats[one.name] = seat_in(self._paths, one)
            heard = seat.backend.last() if seat.backend else None
            teams.append(Team(one.name, one.policy, one.repositories, heard, seat.problem))
        self._seats = seats
        self._guard.teams.take(teams)

    def _ask(self, name: str) -> None:
        if (seat := self._seats.get(name)) is not None:
            seat.wanted.set()

    async def _learn_names(self) -> None:
        memberships = [seat.membership for seat in self._seats.values()]
        self._names = await asyncio.to_thread(names, memberships)

    async def _follow(self, seat: Seat, backend: Backend) -> None:
        failures = 0
        while True:
            try:
                await self._exchange(seat)
                failures, pause_s = 0, backend.every_s
            except TokenguardError:
                failures += 1
                pause_s = min(backend.every_s, FIRST_RETRY_S * 2 ** min(failures - 1, 10))
            await asyncio.sleep(PAUSE_S if not failures else pause_s)
            if not failures:
                try:
                    async with asyncio.timeout(pause_s):
                        await seat.wanted.wait()
                except TimeoutError:
                    pass

    async def _exchange(
        self, seat: Seat, asked: Callable[[Backend, Own], Awaitable[Heard]] = lambda backend, own: backend.sync(own)
    ) -> None:
        """Speak with a team once, and take what it says. Raises `TeamError`."""
        async with seat.one_at_a_time:
            seat.wanted.clear()
            try:
                async with asyncio.timeout(DEADLINE_S):
                    heard = await asked(backend_of(seat), self._guard.sharing.own(seat.name))
            except TimeoutError:
                self._away(seat, "it did not answer in time")
                raise TeamError(f"team {seat.name} did not answer in time", "see tokenguard doctor") from None
            except TeamError as error:
                self._away(seat, str(error))
                raise
            except (TokenguardError, asyncio.CancelledError):
                raise
            except Exception as error:
                log.exception("the exchange with team %s failed", seat.name)
                self._away(seat, f"internal error: {type(error).__name__}")
                raise TeamError(f"team {seat.name}: internal error", "see tokenguard daemon logs") from error
            self._guard.sharing.hear(seat.name, heard)

    def _away(self, seat: Seat, problem: str) -> None:
        team = self._guard.teams.named(seat.name)
        if team is not None and team.problem is None:
            log.warning("team %s: %s", seat.name, problem)
        self._guard.sharing.away(seat.name, problem, seat.backend.last() if seat.backend else None)


def _nanos(text: str) -> int:
    try:
        value, unit = parse_amount(text)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if unit is not Unit.USD:
        raise UsageError(f"a team's budgets are in dollars, not {unit.value}", "give an amount such as 50")
    return value
