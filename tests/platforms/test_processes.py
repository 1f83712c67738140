"""What is known of a process."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tokenguard.platforms import processes


def test_a_process_that_runs() -> None:
    process = processes.find(os.getpid())

    assert process is not None
    assert processes.is_alive(process)


def test_it_started_when_it_was_started() -> None:
    before = time.time()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        process = processes.find(child.pid)
        assert process is not None
        started_us = processes.started_us(process)

    assert started_us is not None
    assert abs(started_us / 1_000_000 - before) < 5


def test_a_zombie_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    process = processes.find(child.pid)
    child.stdout.read()  # to its end: the process is exiting, and nobody has waited for it
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert processes.find(child.pid) is None
    assert process is not None
    assert not processes.is_alive(process)
    child.communicate()
    assert processes.find(child.pid) is None
    assert processes.started_us(process) is None or not processes.is_alive(process)


def test_no_such_process() -> None:
    assert processes.find(2**31 - 1) is None
    assert processes.find(-5) is None


def test_processes_are_found_by_a_variable() -> None:
    name, value = "TOKENGUARD_TEST", f"value-{os.getpid()}"
    assert processes.with_variable(name, value) == []
    env = {**os.environ, name: value}
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, env=env) as child:
        assert [process.pid for process in processes.with_variable(name, value)] == [child.pid]
        assert processes.with_variable(name, value[:-1]) == []
        assert processes.with_variable(name[1:], value) == []


def test_a_process_that_nobody_has_is_not_stopped() -> None:
    assert not processes.is_stopped(2**30)
    assert not processes.is_stopped(-1)
