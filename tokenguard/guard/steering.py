"""The processes of a session, and what people do with them: look at them, pause them, let them go on, end them.

A session's process is the very one that had its number when the number was told: one that got it later is never meant.
Whoever asks for something names the process that they saw.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Any, Literal

import psutil

from tokenguard.attribution import naming
from tokenguard.attribution.processes import Process
from tokenguard.errors import UsageError
from tokenguard.guard.registry import Live
from tokenguard.platforms import families, processes

Deed = Literal["pause", "resume", "stop"]

PATIENCE_S = 5.0
"""An agent that is asked to end can save what it has in this time; what still runs then is killed."""


SETTLES_S = 0.3
"""An agent that cannot have its terminal, because a shell has it, stops again at once."""
_LOOK_S = 0.05


def known(pid: int | None, started: float | None = None) -> psutil.Process | None:
    """The process that has this number now, if it also started then (in seconds since the epoch); None without one."""
    process = processes.find(pid) if pid is not None else None
    if process is None or started is None:
        return process
    return process if processes.started_us(process) == int(started * 1_000_000) else None


async def told(live: Live) -> list[dict[str, Any]]:
    """The agent and what it started, each below its parent; empty where no process is known for sure."""
    process = live.process
    return [_told(one) for one in await asyncio.to_thread(families.members, process)] if process else []


async def do(live: Live, deed: Deed, pid: int, started_us: int) -> int:
    """Do it to the agent and to what it started; how many processes were reached. Raises `UsageError`."""
    process, name = live.process, live.session.agent
    if process is None or not processes.is_alive(process):
        raise UsageError(f"no process of {name} is known", "end it where it runs")
    if (process.pid, processes.started_us(process)) != (pid, started_us):
        raise UsageError(f"{name} is another process by now", "look at its session again")
    return await asyncio.to_thread(_DEEDS[deed], process, live.run_pid)


def _pause(process: psutil.Process, _: int | None) -> int:
    return families.pause(process)


def _resume(process: psutil.Process, run_pid: int | None) -> int:
    reached = families.resume(process)
    _wake(process, run_pid)
    deadline = time.monotonic() + SETTLES_S
    while time.monotonic() < deadline:
        time.sleep(_LOOK_S)
        if processes.is_stopped(process.pid) and processes.is_alive(process):
            raise UsageError("it has stopped again: its terminal has something else in front", "type fg there")
    return reached


def _stop(process: psutil.Process, run_pid: int | None) -> int:
    _wake(process, run_pid)
    return families.stop(process, PATIENCE_S)


def _wake(process: psutil.Process, run_pid: int | None) -> None:
    """The `run` of an agent stops when the agent does, and would not notice that this one goes on, or ends."""
    run = families.started_by(process, run_pid)
    if run is not None:
        families.send(run, signal.SIGCONT)


_DEEDS: dict[Deed, Callable[[psutil.Process, int | None], int]] = {"pause": _pause, "resume": _resume, "stop": _stop}


def _told(one: families.Member) -> dict[str, Any]:
    program = naming.program_of(Process(one.pid, one.started_us / 1_000_000, one.argv, one.exe))
    return {
        "pid": one.pid,
        "depth": one.depth,
        "name": program or "a process",
        "started_us": one.started_us,
        "cpu_s": round(one.cpu_s, 3),
        "memory_bytes": one.memory_bytes,
        "stopped": one.stopped,
    }
