"""Families of processes. They are real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psutil
import pytest

from tests.support.waiting import until
from tokenguard.platforms import families, processes

# A parent with a child that has one of its own. Each says its number once it is there, and waits.
_FAMILY = """
import os, signal, subprocess, sys, time
depth = int(sys.argv[1])
if {ignores}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if depth:
    subprocess.Popen([sys.executable, "-c", open(sys.argv[2]).read(), str(depth - 1), sys.argv[2]])
else:
    print("there", flush=True)
time.sleep(600)
"""

Start = Callable[..., psutil.Process]


@pytest.fixture
def start(tmp_path: os.PathLike[str]) -> Iterator[Start]:
    """Start a family of three."""
    with ExitStack() as stack:

        def started(*, ignores: bool = False) -> psutil.Process:
            script = os.path.join(tmp_path, "family.py")
            with open(script, "w") as file:
                file.write(_FAMILY.format(ignores=ignores))
            command = [sys.executable, "-c", _FAMILY.format(ignores=ignores), "2", script]
            child = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
            assert child.stdout is not None and child.stdout.readline() == b"there\n"
            process = psutil.Process(child.pid)
            family = [process, *process.children(recursive=True)]
            assert len(family) == 3
            stack.callback(_end, family)
            return process

        yield started


def _end(family: list[psutil.Process]) -> None:
    for one in family:
        families.send(one, signal.SIGKILL)


def states(process: psutil.Process) -> list[bool]:
    return [member.stopped for member in families.members(process)]


def test_each_stands_below_the_one_that_started_it(start: Start) -> None:
    process = start()
    found = families.members(process)
    assert [(one.depth, one.stopped) for one in found] == [(0, False), (1, False), (2, False)]
    assert found[0].pid == process.pid
    assert found[0].started_us == processes.started_us(process)
    assert all(one.memory_bytes > 0 and one.cpu_s >= 0 and one.argv and one.exe for one in found)


def test_a_family_is_paused_and_goes_on(start: Start) -> None:
    process = start()
    assert families.pause(process) == 3
    until(lambda: states(process) == [True] * 3)
    assert families.resume(process) == 3
    until(lambda: states(process) == [False] * 3)


def test_a_paused_family_ends_when_it_is_asked_to(start: Start) -> None:
    process = start()
    family = [process, *process.children(recursive=True)]
    families.pause(process)
    assert families.stop(process, patience_s=30) == 3
    until(lambda: not any(processes.is_alive(one) for one in family))


def test_what_does_not_end_is_killed(start: Start) -> None:
    process = start(ignores=True)
    family = [process, *process.children(recursive=True)]
    assert families.stop(process, patience_s=0.01) == 3
    until(lambda: not any(processes.is_alive(one) for one in family))


@pytest.mark.parametrize("pidfd", [True, False])
def test_another_process_of_the_same_number_gets_no_signal(
    start: Start, monkeypatch: pytest.MonkeyPatch, pidfd: bool
) -> None:
    if not pidfd:
        monkeypatch.setattr("sys.platform", "darwin")
    process = start()
    # As it is known to those who knew the one that had the number before.
    earlier = psutil.Process(process.pid)
    earlier._ident = (earlier.pid, 1.0)  # type: ignore[attr-defined]  # no number is given out again at will
    assert not families.send(earlier, signal.SIGKILL)
    assert families.pause(earlier) == families.resume(earlier) == families.stop(earlier, 0) == 0
    assert states(process) == [False] * 3
    assert families.send(process, signal.SIGSTOP)


def test_nobody_is_left_of_a_family_that_has_ended(start: Start) -> None:
    process = start()
    families.stop(process, patience_s=30)
    until(lambda: families.members(process) == [])
    assert not families.send(process, signal.SIGCONT)


def test_we_are_never_stopped_ourselves() -> None:
    assert not families.send(psutil.Process(), signal.SIGKILL)


def test_the_parent_of_a_process(start: Start) -> None:
    process = start()
    (child, *_) = process.children()
    assert families.started_by(child, process.pid) == process
    assert families.started_by(child, os.getpid()) is None
