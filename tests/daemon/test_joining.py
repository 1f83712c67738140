"""What the proxy measures and what logs tell is one row and counts once, in both orders. The daemon is a real one."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.gated import Stream, Upstream
from tests.support.home import Home
from tests.support.waiting import until

BUDGET = '[[budget]]\nname = "all"\nlimit = "2000 tokens"\nwindow = "day"\nmode = "{}"\n'


@pytest.fixture
def file(home: Home) -> Path:
    """A log of Claude Code that is not there yet."""
    return home.folder / ".claude" / "projects" / "-src-web" / "5e7f.jsonl"


def answer(name: str, output: int) -> str:
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    usage = {"input_tokens": 10, "output_tokens": output}
    message = {"id": name, "role": "assistant", "model": "claude-opus-5-5", "usage": usage}
    told = {"type": "assistant", "sessionId": "5e7f", "timestamp": at, "uuid": name, "message": message}
    return json.dumps(told) + "\n"


def append(file: Path, *lines: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as out:
        out.writelines(lines)


def ask(home: Home, sql: str) -> list[Any]:
    with closing(sqlite3.connect(f"{home.paths.ledger.as_uri()}?mode=ro", uri=True)) as conn:
        return conn.execute(sql).fetchall()


def origins(home: Home) -> list[str]:
    return [row[0] for row in ask(home, "SELECT origin FROM calls WHERE state = 'settled' ORDER BY id")]


def budget(home: Home) -> dict[str, Any]:
    (found,) = home.daemon.get("/v1/status")["budgets"]
    return dict(found)


@pytest.mark.parametrize("log_first", [False, True])
def test_a_response_counts_once_whoever_tells_of_it_first(
    home: Home, upstream: Upstream, file: Path, log_first: bool
) -> None:
    home.configure(rest=BUDGET.format("calibrated") + upstream.settings)
    daemon = home.start()
    token = home.session(daemon)["token"]
    stream = Stream(daemon.port, token)
    if log_first:
        append(file, answer("msg_1", 7))
        until(lambda: origins(home) == ["logged"])
        # It is set aside for the call already, and would count twice.
        assert {budget(home)["spent"] for _ in range(20)} == {0}
    upstream.finish.set()
    stream.rest()
    until(lambda: "measured" in origins(home))
    if not log_first:
        append(file, answer("msg_1", 7))
    until(lambda: bool(ask(home, "SELECT 1 FROM echoes")))
    assert origins(home) == ["measured"]
    assert ask(home, "SELECT e.output, c.output FROM echoes AS e JOIN calls AS c ON c.id = e.call_id") == [(7, 5)]
    until(lambda: budget(home)["spent"] == 15)


def test_what_nobody_could_refuse_overdraws_a_strict_budget_and_shows_apart(home: Home, file: Path) -> None:
    home.configure(rest=BUDGET.format("strict"))
    home.start()
    append(file, answer("msg_1", 1_500))
    until(lambda: budget(home)["spent"] == 1_510)
    assert budget(home)["overrun"] == 0
    append(file, answer("msg_2", 1_500))
    until(lambda: budget(home)["spent"] == 3_020)
    assert (budget(home)["overrun"], budget(home)["level"]) == (1_020, "hard")
    status = tokenguard(home, "status")
    assert "1.0k tokens over by what only logs tell of" in " ".join(status.split())


def tokenguard(home: Home, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tokenguard", *arguments], env=home.env, capture_output=True, text=True, timeout=60
    )
    assert not done.stderr, done.stderr
    return done.stdout


def test_import_tells_what_it_read_and_doctor_what_was_odd(home: Home, file: Path) -> None:
    home.configure("port = 0\nfollow_logs = false")
    append(file, answer("msg_1", 5), answer("msg_2", 5), '{"type":"assistant","output_tokens":\n', answer("msg_1", 9))
    told = json.loads(tokenguard(home, "import", "--agent", "claude", "--json"))
    assert (told["done"], told["files"], told["added"], told["unchanged"]) == (True, 1, 2, 0)
    assert [(odd["kind"], odd["detail"], odd["count"]) for odd in told["doctor"]["oddities"]] == [
        ("dropped", "not-json", 1)
    ]
    again = tokenguard(home, "import")
    assert again.splitlines()[0] == "Nothing new in 1 file."
    assert "claude: 1 line dropped (not-json 1)" in again
    full = tokenguard(home, "import", "--full")
    assert full.splitlines()[0].endswith("no new responses, 0 changed, 0 measured already.")
    done = subprocess.run(
        [sys.executable, "-m", "tokenguard", "doctor", "--json"],
        env=home.env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    checks = [check for check in json.loads(done.stdout)["checks"] if check["check"] == "logs"]
    assert [check["state"] for check in checks] == ["ok", "warn"]
    assert checks[0]["detail"] == "claude: 1 file"


def test_an_agent_without_logs_is_refused(home: Home) -> None:
    home.start()
    done = subprocess.run(
        [sys.executable, "-m", "tokenguard", "import", "--agent", "nobody"],
        env=home.env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith('tokenguard: agent "nobody" keeps no logs that are read; use one of ')
