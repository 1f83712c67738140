"""Who makes calls: from a process to the agent that it belongs to, and to the place where it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from tokenguard.attribution.naming import Marks, agent_of, editor_of, is_shell, program_of
from tokenguard.attribution.place import Place, locate
from tokenguard.attribution.processes import Process, folder, lineage


class Caller(Struct, frozen=True):
    """Who is at the other end of a connection."""

    agent: str | None = None
    """The agent, else the editor, else the name of the program; None where nothing is known."""
    pid: int | None = None
    """The process that the agent or editor is: the oldest of it. None for a program that is neither."""
    started: float = 0.0
    """When that began, in seconds since the epoch."""
    editor: str | None = None
    """The editor in which the agent runs."""
    place: Place = Place()
    lineage: tuple[int, ...] = ()
    """The process that called, and those that it comes from."""


def identify(pid: int, known: Mapping[str, Marks]) -> Caller:
    """Who a process is; `known` says by what agents are known. Blocks, for less than a millisecond; never raises."""
    family = lineage(pid)
    if not family:
        return Caller()
    agent, top = _nearest(family, lambda process: agent_of(process, known))
    editor, window = _nearest(family, editor_of)
    nearer = agent is None or family.index(window) < family.index(top)
    if editor is not None and nearer and not any(map(is_shell, family[: family.index(window)])):
        agent, top = editor, window
    place = _place(family[: family.index(top) + 1])
    pids = tuple(process.pid for process in family)
    if agent is None:
        return Caller(program_of(family[0]), place=place, lineage=pids)
    return Caller(agent, top.pid, top.started, editor, place, pids)


def _nearest(family: list[Process], name_of: Callable[[Process], str | None]) -> tuple[str | None, Process]:
    """The nearest that has a name, and the oldest process of it: one that starts itself again is still one."""
    name, top = None, family[0]
    for process in family:
        found = name_of(process)
        if found is not None and name in (None, found):
            name, top = found, process
        elif found is not None:
            break
    return name, top


def _place(family: list[Process]) -> Place:
    """Where the first of them works that works in a repository: helpers of an agent may run anywhere."""
    for process in family:
        here = folder(process.pid)
        if here is not None and (place := locate(Path(here))).repo is not None:
            return place
    return Place()
