"""This machine's places in the teams that it is in."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from tokenguard import platforms
from tokenguard.config.memberships import Membership, folder
from tokenguard.config.paths import Paths, make_private
from tokenguard.errors import TeamError, TokenguardError, UsageError
from tokenguard.team import open_backend
from tokenguard.team.shape import Backend, Place

log = logging.getLogger(__name__)


class MachineClock:
    """See `team.shape.Clock`."""

    boot_id = platforms.boot_id()

    def now_us(self) -> int:
        """See `Clock.now_us`."""
        return time.time_ns() // 1000

    def boot_s(self) -> float:
        """See `Clock.boot_s`."""
        return platforms.boot_seconds()


class Seat:
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


def seat_in(paths: Paths, membership: Membership) -> Seat:
    """The place of this machine in a team of which it is written down that it is in it."""
    own_folder = folder(paths, membership.name)
    clone = Path(membership.clone) if membership.clone else None
    try:
        make_private(own_folder)
        place = Place(own_folder, membership.member, membership.machine, clone, membership.login)
        return Seat(membership, open_backend(membership.policy, place, MachineClock()), None)
    except TokenguardError as error:
        log.error("team %s: %s", membership.name, error)
        return Seat(membership, None, str(error))


def named(seats: Mapping[str, Seat], name: str | None, *, needs_one: bool = False) -> Iterable[Seat]:
    """The seat in a team, or all of them. Raises `UsageError` if there is none, or several where one is meant."""
    if name is not None and name not in seats:
        known = ", ".join(seats) or "it is in none"
        raise UsageError(f"this machine is in no team {name}", f"its teams: {known}")
    found = [seat for seat in seats.values() if name in (None, seat.name)]
    if not found or (needs_one and len(found) > 1):
        known = ", ".join(seats)
        raise (
            UsageError("which team is meant", f"name one: {known}")
            if found
            else UsageError("this machine is in no team", "run tokenguard team join in a repository that has one")
        )
    return found


def backend_of(seat: Seat) -> Backend:
    """What speaks with its team. Raises `TeamError` where nothing can."""
    if seat.backend is None or seat.problem is not None:
        raise TeamError(f"team {seat.name} cannot be reached: {seat.problem}")
    return seat.backend
