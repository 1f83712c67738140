"""Members of teams by name: known from the history of one's own clones, and told to nobody."""

from __future__ import annotations

from collections.abc import Iterable

from tokenguard.attribution.authors import authors
from tokenguard.config.memberships import Membership


def names(memberships: Iterable[Membership]) -> dict[str, str]:
    """Member -> name, of those who have worked on a clone that is in a team. Blocks on git; never raises."""
    from tokenguard.team.gitrefs.members import member_id  # most machines are in no team

    found: dict[str, str] = {}
    for one in memberships:
        for repo in one.repositories if one.policy.salt else ():
            for address, name in authors(repo).items():
                found.setdefault(member_id(one.policy.salt, address), name)
    return found
