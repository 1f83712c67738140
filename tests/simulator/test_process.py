"""The simulator as a process."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request

import pytest

from tests.simulator.support import request
from tokenguard import simulator


def post(url: str, words: str) -> bytes:
    path, body = request("openai-chat", words)
    asked = urllib.request.Request(url + path, json.dumps(body).encode(), {"Authorization": "Bearer key"})
    with urllib.request.urlopen(asked) as answer:
        return bytes(answer.read())


def test_a_spawned_simulator_bills_and_ends() -> None:
    with simulator.spawn(seed=7) as sim:
        answer = json.loads(post(sim.url, "Hello [sim:output=10]"))
        (call,) = sim.bill().calls
        assert (call.id, call.usage.output) == (answer["id"], 10)
        assert sim.bill().total_nanos == call.nanos > 0
        assert [(seen.path, seen.status) for seen in sim.requests()] == [("/v1/chat/completions", 200)]
        sim.reset()
        assert sim.bill().calls == ()
    with pytest.raises(OSError):
        post(sim.url, "Hello")


def test_it_ends_with_its_parent() -> None:
    command = [sys.executable, "-m", "tokenguard.simulator", "--json", "--with-parent"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdin is not None
        assert json.loads(child.stdout.readline())["port"] > 0
        child.stdin.close()
        assert child.wait(10) == 0


def test_it_says_where_it_is() -> None:
    with subprocess.Popen([sys.executable, "-m", "tokenguard.simulator"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline().startswith(b"simulated providers at http://127.0.0.1:")
        child.terminate()
        assert child.wait(10) == 0
