"""What goes on running of a session once its agent has ended: whatever still has the session in its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

import psutil

from tokenguard.attribution import naming
from tokenguard.attribution.processes import lineage
from tokenguard.guard.registry import VARIABLE, Leftover
from tokenguard.platforms import processes
from tokenguard.records import Session

_ENDING_S = 0.2
"""For so long whatever is about to end may do so."""


def leftovers(session_id: str, runs: Mapping[int, Session]) -> tuple[Leftover, ...]:
    """The processes of a session whose agent has ended, the oldest first. Blocks, for some milliseconds or `_ENDING_S`.

    They are known by the variable that names the session: parents do not tell, those have ended. `runs` are the
    processes of `run`, and the sessions that they have opened.
    """
    found = [one for one in processes.with_variable(VARIABLE, session_id) if one.pid != os.getpid()]
    if found:
        _, found = psutil.wait_procs(found, timeout=_ENDING_S)
    named: list[tuple[float, Leftover]] = []
    for process in found:
        seen = lineage(process.pid)[:1]
        if not seen:
            continue
        inner = runs.get(process.pid)
        if inner is not None:
            named.append((seen[0].started, Leftover(process.pid, inner.agent, inner.id)))
        else:
            named.append((seen[0].started, Leftover(process.pid, naming.program_of(seen[0]) or "a process")))
    return tuple(one for _, one in sorted(named, key=lambda each: each[0]))


def still(left: tuple[Leftover, ...]) -> list[Leftover]:
    """Those of them that still run."""
    return [one for one in left if processes.find(one.pid) is not None]
