"""A look at a team by somebody who takes no part in it: a pipeline. Nothing is kept, and nothing is written."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from tokenguard.records.teams import Heard, TeamPolicy
from tokenguard.team.gitrefs import hearing, periods, telling, turns
from tokenguard.team.gitrefs.memory import State
from tokenguard.team.gitrefs.process import Runner
from tokenguard.team.gitrefs.remote import Remote
from tokenguard.team.gitrefs.spots import Facts
from tokenguard.team.identity import Where

_SECONDS = 30.0
"""A pipeline may begin with a clone that is slow."""
_NOBODY = "nobody/nowhere"


def look(policy: TeamPolicy, repository: Path, now_us: int) -> Heard:
    """What the members of a team have published. Raises `TeamError` if they cannot be asked."""
    for budget in policy.budgets:
        periods.check(budget)
    runner = Runner()
    runner.begin(_SECONDS)
    with TemporaryDirectory(prefix="tokenguard-team-") as folder:
        found = Remote(Path(folder), policy.name, policy.remote, repository, runner).fetch()
    facts = Facts(policy, now_us)
    state = turns.opened(State(_NOBODY, _NOBODY, Where(), ""), facts)
    state = hearing.heard(state, {who: one.document for who, one in found.items() if one.document})
    seen = telling.heard(replace(state, heard_us=now_us), facts, ())
    return replace(seen, members=tuple(one for one in seen.members if not one.you))
