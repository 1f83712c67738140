"""Agents' logs, read when a daemon begins and followed from then on."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.gated import REST, Stream, Upstream
from tests.support.home import Home
from tests.support.waiting import until


def line(number: int, folder: Path, **rest: Any) -> str:
    usage = {"input_tokens": 100, "output_tokens": number, "cache_read_input_tokens": 0}
    message = {"id": f"msg_{number}", "role": "assistant", "model": "claude-opus-4-5", "usage": usage}
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return json.dumps(
        {
            "type": "assistant",
            "sessionId": "5e7f",
            "cwd": str(folder),
            "gitBranch": "main",
            "timestamp": at,
            "requestId": f"req_{number}",
            "uuid": f"u{number}",
            "message": message,
            **rest,
        }
    )


def append(file: Path, *lines: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as out:
        out.writelines(f"{one}\n" for one in lines)
    return file


def outputs(home: Home) -> list[int]:
    """What rows of logs tell of tokens."""
    with closing(sqlite3.connect(f"{home.paths.ledger.as_uri()}?mode=ro", uri=True)) as conn:
        return [row[0] for row in conn.execute("SELECT output FROM calls WHERE origin = 'logged' ORDER BY output")]


def logs(home: Home) -> dict[str, Any]:
    found: dict[str, Any] = home.daemon.get("/v1/status")["logs"]
    return found


@pytest.fixture
def file(home: Home) -> Path:
    """A log of Claude Code that is not there yet."""
    return home.folder / ".claude" / "projects" / "-src-web" / "5e7f.jsonl"


def test_what_is_there_is_read_and_what_comes_is_followed(home: Home, file: Path) -> None:
    append(file, line(1, home.folder), line(2, home.folder))
    home.start()
    until(lambda: logs(home)["state"] == "following")
    assert outputs(home) == [1, 2]

    for number in (3, 4, 5):
        began = time.monotonic()
        append(file, line(number, home.folder))
        until(lambda: outputs(home)[-1] == number)  # noqa: B023 - it is asked before the loop goes on
        assert time.monotonic() - began < 1.0 * 3  # three times the promise, on a machine that does much else
    told = logs(home)
    assert (told["state"], told["failing"]) == ("following", None)


def test_a_folder_that_comes_later(home: Home, file: Path) -> None:
    home.start()
    until(lambda: logs(home)["state"] == "following")
    append(file, line(1, home.folder))
    until(lambda: outputs(home) == [1])
    append(file.parent / "other" / "subagents" / "agent-1.jsonl", line(2, home.folder, isSidechain=True))
    until(lambda: outputs(home) == [1, 2])


def test_a_line_that_is_torn_and_a_file_that_is_rotated(home: Home, file: Path) -> None:
    append(file, line(1, home.folder))
    home.start()
    until(lambda: outputs(home) == [1])
    whole = line(2, home.folder)
    with file.open("a") as out:
        out.write(whole[:100])
        out.flush()
        time.sleep(0.5)  # the half of it is read meanwhile
        out.write(whole[100:] + "\n")
    until(lambda: outputs(home) == [1, 2])
    file.rename(file.with_name("old.jsonl"))
    append(file, line(3, home.folder))
    until(lambda: outputs(home) == [1, 2, 3])
    file.write_text(line(4, home.folder) + "\n")
    until(lambda: outputs(home) == [1, 2, 3, 4])


def test_a_daemon_that_comes_after_another_reads_what_it_missed(home: Home, file: Path) -> None:
    append(file, line(1, home.folder))
    home.start()
    until(lambda: outputs(home) == [1])
    assert home.daemon.stop(timeout=30)
    append(file, line(2, home.folder))
    home.start()
    until(lambda: outputs(home) == [1, 2])


def test_budgets_count_it_at_once(home: Home, file: Path) -> None:
    home.configure(rest='[[budget]]\nname = "all"\nlimit = "1000 tokens"\nwindow = "day"\n')
    home.start()
    until(lambda: logs(home)["state"] == "following")
    append(file, line(1, home.folder))

    def spent() -> int:
        return sum(one["spent"] for one in home.daemon.get("/v1/status")["budgets"])

    until(lambda: spent() == 101)


def test_a_response_that_passed_the_proxy_counts_once(home: Home, upstream: Upstream, file: Path) -> None:
    home.configure(rest=upstream.settings)
    daemon = home.start()
    until(lambda: logs(home)["state"] == "following")
    stream = Stream(daemon.port, home.session(daemon)["token"])
    append(file, line(1, home.folder))  # the id of what is on its way
    until(lambda: outputs(home) == [1])
    upstream.finish.set()
    assert stream.rest() == REST
    until(lambda: outputs(home) == [])
    append(file, line(1, home.folder), line(2, home.folder))
    until(lambda: outputs(home) == [2])
    today = daemon.get("/v1/status")["totals"]["today"]
    assert (today["calls"], today["usage"]["output"]) == (2, 5 + 2)


def test_a_database_that_its_agent_holds_open(home: Home) -> None:
    folder = home.folder / ".local" / "share" / "opencode"
    folder.mkdir(parents=True)
    home.start()
    with closing(sqlite3.connect(folder / "opencode.db", isolation_level=None)) as agent:
        agent.execute("PRAGMA journal_mode = wal")
        agent.execute("CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, data TEXT)")
        for number in (1, 2):
            tokens = {"input": 1, "output": number, "reasoning": 0, "cache": {"read": 0, "write": 0}}
            about = {"role": "assistant", "modelID": "gpt-5", "providerID": "openai", "tokens": tokens}
            data = json.dumps({**about, "time": {"created": int(time.time() * 1000)}})
            agent.execute("INSERT INTO message VALUES (?, ?, ?)", (f"msg_{number}", "ses_1", data))
            until(lambda: outputs(home)[-1:] == [number])  # noqa: B023 - it is asked before the loop goes on


def test_what_is_set_for_a_provider_says_who_pays(home: Home, file: Path) -> None:
    home.configure(rest='[providers.anthropic]\nbilling = "subscription"\n')
    append(file, line(1, home.folder))
    home.start()
    until(lambda: outputs(home) == [1])
    today = home.daemon.get("/v1/status")["totals"]["today"]
    assert (today["calls"], today["cost_nanos"]) == (1, 0)
    assert today["notional_nanos"] > 0


def test_it_can_be_switched_off(home: Home, file: Path) -> None:
    home.configure("port = 0\nfollow_logs = false")
    append(file, line(1, home.folder))
    home.start()
    assert logs(home)["state"] == "off"
    assert outputs(home) == []


def test_it_costs_nothing_while_nothing_happens(home: Home, file: Path) -> None:
    for number in range(20):
        append(file.parent.with_name(f"p{number}") / "a.jsonl", line(number, home.folder))
    daemon = home.start()
    until(lambda: len(outputs(home)) == 20)
    until(lambda: logs(home)["state"] == "following")
    process = psutil.Process(daemon.pid)

    def busy() -> float:
        times = process.cpu_times()
        return times.user + times.system

    def rests() -> bool:
        before = busy()
        time.sleep(1.0)
        return busy() - before <= 0.01  # a tick of the clock by which the system counts

    until(rests)
