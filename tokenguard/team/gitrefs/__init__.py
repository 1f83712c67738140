"""Budgets that a team shares through refs of a git remote: `refs/tokenguard/v1/TEAM/MEMBER/MACHINE`, one writer each.

What a person sees of it is in docs/team.md. `hearing` and `turns` decide, `remote` reads and writes refs, `memory`
keeps what must not be forgotten, `exchange` says in which order, and `machine` what calls are told of it;
`tokenguard.policy.rights` is the arithmetic, and why it holds.
"""

from __future__ import annotations

from tokenguard.errors import TeamError
from tokenguard.records.teams import TeamPolicy
from tokenguard.team.gitrefs import periods
from tokenguard.team.gitrefs.document import is_part
from tokenguard.team.gitrefs.machine import GitRefs
from tokenguard.team.gitrefs.process import Runner
from tokenguard.team.gitrefs.remote import Remote
from tokenguard.team.gitrefs.urls import looks_public
from tokenguard.team.shape import Clock, Place

__all__ = ["backend", "looks_public"]

SECONDS = 10.0
"""A turn ends within that, whatever the remote does."""


def backend(policy: TeamPolicy, place: Place, clock: Clock, *, seconds: float = SECONDS) -> GitRefs:
    """A machine's place in a team. Asks nobody. Raises `TeamError` for what cannot work."""
    for what, name in (("team", policy.name), ("member", place.member), ("machine", place.machine)):
        if not is_part(name):
            raise TeamError(f"{name!r} cannot be the name of a {what}", "use letters, digits, dots, dashes and _")
    for budget in policy.budgets:
        periods.check(budget)
    runner = Runner()
    remote = Remote(place.folder, policy.name, policy.remote, place.repository, runner)
    return GitRefs(policy, place, clock, remote, runner, seconds)
