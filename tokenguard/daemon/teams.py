"""The teams that this machine is in, heard of for as long as the daemon runs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from tokenguard import platforms
from tokenguard.config.memberships import Membership, folder, read_memberships
from tokenguard.config.paths import Paths, make_private
from tokenguard.daemon.names import names
from tokenguard.errors import TeamError, TokenguardError, UsageError
from tokenguard.guard import Guard
from tokenguard.guard.teams import Team
from tokenguard.policy.money import parse_amount
from tokenguard.records import Unit
from tokenguard.records.teams import Heard
from tokenguard.team import open_backend
from tokenguard.team.shape import Backend, Own, Place

log = logging.getLogger(__name__)

DEADLINE_S = 15.0
"""For one exchange with a team: every backend has a shorter one of its own."""

PAUSE_S = 0.5
"""Between two exchanges, at least, whoever asks."""

FIRST_RETRY_S = 2.0


class MachineClock:
    """See `team.shape.Clock`."""

    boot_id = platforms.boot_id()

    def now_us(self) -> int:
        """See `Clock.now_us`."""
        return time.time_ns() // 1000

    def boot_s(self) -> float:
        """See `Clock.boot_s`."""
        return platforms.boot_seconds()


class _Seat:
    """This machine's place in one team."""

    def __init__(self, membership: Membership, backend: Backend | None, problem: str | None) -> None:
        self.membership = membership
        self.backend = backend
        self.problem = problem
        """Why nothing is heard here."""
        self.wanted = asyncio.Event()
        self.one_at_a_time = asyncio.Lock()

    @property
    def name(self) -> str:
        return self.membership.name


class Teams:
    """Hears of teams, and tells them what this machine takes. To be made in a running event loop."""

    def __init__(self, paths: Paths, guard: Guard) -> None:
        self._paths = paths
        self._guard = guard
        self._seats: dict[str, _Seat] = {}
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
        await asyncio.gather(*[self._exchange(seat) for seat in self._named(name)])

    async def lease(self, name: str | None, amount: str) -> None:
        """Have so many dollars more handed to this machine. Raises `TeamError` or `UsageError`."""
        nanos = _nanos(amount)
        for seat in self._named(name):
            await self._exchange(seat, lambda backend, own: backend.lease(own, nanos))

    async def change(self, name: str | None, budget: str, amount: str, reason: str) -> None:
        """Raise a team's limit, or lower it by an amount that begins with a dash. Raises as `lease` does."""
        if not reason.strip():
            raise UsageError("a change needs a reason", "add --reason WHY")
        lower = amount.startswith("-")
        nanos = _nanos(amount.lstrip("+-")) * (-1 if lower else 1)
        for seat in self._named(name, needs_one=True):
            await self._exchange(seat, lambda backend, _: backend.change(budget, nanos, reason))

    async def leave(self, name: str) -> None:
        """Report for the last time and give back what is left. Raises as `lease` does."""
        for seat in self._named(name):
            async with seat.one_at_a_time:
                self._guard.sharing.stop(seat.name)
                try:
                    await _backend(seat).leave(self._guard.sharing.own(seat.name))
                except TeamError:
                    self.reload()  # it takes part as before
                    raise
                seat.problem = "this machine has left it"

    def _take(self) -> None:
        """Be in the teams that are written down; what they said last holds as far as it is safe."""
        memberships = read_memberships(self._paths)
        seats: dict[str, _Seat] = {}
        teams: list[Team] = []
        for one in memberships:
            seat = seats[one.name] = self._seat(one)
            heard = seat.backend.last() if seat.backend else None
            teams.append(Team(one.name, one.policy, one.repositories, heard, seat.problem))
        self._seats = seats
        self._guard.teams.take(teams)

    def _seat(self, membership: Membership) -> _Seat:
        own_folder = folder(self._paths, membership.name)
        clone = Path(membership.clone) if membership.clone else None
        try:
            make_private(own_folder)
            place = Place(own_folder, membership.member, membership.machine, clone, membership.login)
            return _Seat(membership, open_backend(membership.policy, place, MachineClock()), None)
        except TokenguardError as error:
            log.error("team %s: %s", membership.name, error)
            return _Seat(membership, None, str(error))

    def _named(self, name: str | None, *, needs_one: bool = False) -> Iterable[_Seat]:
        if name is not None and name not in self._seats:
            known = ", ".join(self._seats) or "it is in none"
            raise UsageError(f"this machine is in no team {name}", f"its teams: {known}")
        found = [seat for seat in self._seats.values() if name in (None, seat.name)]
        if not found or (needs_one and len(found) > 1):
            known = ", ".join(self._seats)
            raise (
                UsageError("which team is meant", f"name one: {known}")
                if found
                else UsageError("this machine is in no team", "run tokenguard team join in a repository that has one")
            )
        return found

    def _ask(self, name: str) -> None:
        if (seat := self._seats.get(name)) is not None:
            seat.wanted.set()

    async def _learn_names(self) -> None:
        memberships = [seat.membership for seat in self._seats.values()]
        self._names = await asyncio.to_thread(names, memberships)

    async def _follow(self, seat: _Seat, backend: Backend) -> None:
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
        self, seat: _Seat, asked: Callable[[Backend, Own], Awaitable[Heard]] = lambda backend, own: backend.sync(own)
    ) -> None:
        """Speak with a team once, and take what it says. Raises `TeamError`."""
        async with seat.one_at_a_time:
            seat.wanted.clear()
            try:
                async with asyncio.timeout(DEADLINE_S):
                    heard = await asked(_backend(seat), self._guard.sharing.own(seat.name))
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

    def _away(self, seat: _Seat, problem: str) -> None:
        team = self._guard.teams.named(seat.name)
        if team is not None and team.problem is None:
            log.warning("team %s: %s", seat.name, problem)
        self._guard.sharing.away(seat.name, problem, seat.backend.last() if seat.backend else None)


def _backend(seat: _Seat) -> Backend:
    if seat.backend is None or seat.problem is not None:
        raise TeamError(f"team {seat.name} cannot be reached: {seat.problem}")
    return seat.backend


def _nanos(text: str) -> int:
    try:
        value, unit = parse_amount(text)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if unit is not Unit.USD:
        raise UsageError(f"a team's budgets are in dollars, not {unit.value}", "give an amount such as 50")
    return value
