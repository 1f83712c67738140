"""What several people share: the limits of a team, and what one machine knows of how far they are used."""

from __future__ import annotations

import math

from msgspec import Struct


class TeamBudget(Struct, frozen=True):
    """A limit in dollars that a team shares, in windows that are the same for all of it."""

    name: str
    limit: int
    """Nanodollars."""
    window: str = "month"
    """A kind of calendar window; the time zone must be the same for everybody."""
    timezone: str = "UTC"
    week_start: int = 0
    month_start: int = 1
    levels: tuple[int, ...] = (50, 75, 90)
    at_limit: str = "refuse"
    counts: str = "billed"
    owner: str = ""
    """Whose limit it is where a team has several: `org:acme`, `repo:shop`, `member:ann`; empty: the team's own."""


class TeamPolicy(Struct, frozen=True):
    """`[team]` of a repository's `tokenguard.toml`, once it is trusted."""

    name: str
    backend: str = "git"
    """`git` or `postgres`."""
    mode: str = "shared"
    """Of `git`: `shared` (spending of all is seen, and can pass the limit by what is not seen yet) or `rights` (nobody
    spends what was not handed to them). `postgres` is always `leases`."""
    budgets: tuple[TeamBudget, ...] = ()
    remote: str = "origin"
    """Of `git`: a remote of the repository, or the URL of a repository for budgets only."""
    treasurer: str = ""
    """Of `rights`: the writer (`MEMBER/MACHINE`) that has the whole limit at first, and hands it out."""
    salt: str = ""
    """What members' names are hashed with."""
    database: str = ""
    """Of `postgres`: a libpq connection string without user and password."""
    repository: str = ""
    """Of `postgres`: under which name this repository's own limits are kept."""
    unreachable: str = "refuse"
    """What becomes of calls once what was handed to this machine has run out and nobody can be asked: `refuse`, or
    `warn` (they go on, and count as overrun)."""

    @property
    def hard(self) -> bool:
        """Whether nothing may be spent that was not handed to this machine."""
        return self.mode != "shared"


class Share(Struct, frozen=True):
    """What a machine knows of one budget of its team in one window. Amounts are nanodollars."""

    budget: TeamBudget
    """With its limit as it stands: raised or lowered by whoever may."""
    since_us: int
    until_us: int | None
    """The window; None: it never ends."""
    others: int
    """Spent by everybody else, as last heard."""
    granted: int | None = None
    """All that was ever handed to this machine for this window, spent or not; None where anybody may spend the rest."""
    usable_s: float = math.inf
    """Until when nothing new may begin on what was granted, on the clock of `platforms.boot_seconds`."""
    held: int = 0
    """Handed to others, and not spent yet."""
    presumed: int = 0
    """Handed to others who have not reported in time: it counts as spent until they do."""

    @property
    def free(self) -> int:
        """What nobody spent and nobody holds; what this machine holds is not free either."""
        mine = self.granted or 0
        return max(0, self.budget.limit - self.others - self.held - self.presumed - mine)


class Member(Struct, frozen=True):
    """What is known of one machine of a member, over the budgets' current windows."""

    id: str
    """Salted hash, or the name of a role in a database."""
    machine: str
    budget: str
    """Name of the budget that the figures are of."""
    spent: int = 0
    held: int = 0
    presumed: int = 0
    heard_us: int = 0
    """When it last said so; 0: never."""
    you: bool = False


class Heard(Struct, frozen=True):
    """What a machine knows of its team."""

    at_us: int
    shares: tuple[Share, ...] = ()
    members: tuple[Member, ...] = ()
    remarks: tuple[str, ...] = ()
    """What a person should know, a sentence each."""
