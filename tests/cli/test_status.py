"""`tokenguard status`."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Cli, call, record
from tokenguard import client
from tokenguard.cli.status import lines
from tokenguard.config.paths import Paths

NOON = datetime.fromisoformat("2026-11-21T12:00:00+01:00")


def totals(nanos: int, calls: int = 1, confidence: str = "exact", unpriced: int = 0) -> dict[str, Any]:
    return {"calls": calls, "cost_nanos": nanos, "confidence": confidence, "unpriced": unpriced, "usage": {}}


def session(repo: str | None, branch: str | None, **rest: Any) -> dict[str, Any]:
    return {"id": "bcdfg", "agent": "claude", "repo": repo, "branch": branch, "task": None, **rest}


def budget(label: str, spent: int, limit: int, level: str, **rest: Any) -> dict[str, Any]:
    given = {"label": label, "unit": "usd", "limit": limit, "spent": spent, "level": level, "resets_at": None}
    return {**given, **rest}


STATUS: dict[str, Any] = {
    "daemon": {"pid": 1, "port": 4747, "version": "0.1.0", "uptime_s": 12.3},
    "totals": {"today": totals(14_820_000_000, 60), "hour": totals(3_100_000_000, 9)},
    "sessions": [
        session("/src/web", "feat/login", **totals(6_210_000_000, 41)),
        session(None, None, **totals(193_000_000, 1, "bound")),
    ],
    "budgets": [
        budget("web/day", 16_400_000_000, 20_000_000_000, "info", resets_at="2026-11-22T00:00:00+01:00"),
        budget("calls", 300, 300, "hard", unit="calls", resets_at="2026-12-01T00:00:00+01:00"),
        budget("all", 0, 5_000_000_000, "ok"),
    ],
    "holds": [],
}


def test_the_first_line_is_the_sum_and_what_follows_is_aligned() -> None:
    assert lines(STATUS, NOON) == [
        "today $14.82 · $3.10/h · 2 sessions running",
        "web/day     $16.40  of $20.00      82%  info     resets 00:00",
        "calls    300 calls  of 300 calls  100%  used up  resets Dec 1",
        "all          $0.00  of $5.00        0%",
        "  claude  web  feat/login  41 calls    $6.21",
        "  claude                     1 call  ≈$0.193",
    ]


@pytest.mark.parametrize(
    ("today", "line"),
    [
        (totals(0, 0), "today $0.00 · no sessions running"),
        (totals(1_000_000_000, 1, "estimated"), "today ≈$1.00 · no sessions running"),
        (totals(1_000_000_000, 2, unpriced=1), "today ≈$1.00 · no sessions running"),
    ],
)
def test_what_is_not_exact_says_so(today: dict[str, Any], line: str) -> None:
    found: dict[str, Any] = {**STATUS, "totals": {"today": today, "hour": totals(0, 0)}, "sessions": [], "budgets": []}
    assert lines(found, NOON) == [line]


class FakeDaemon:
    """A daemon that tells `STATUS`."""

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/v1/status"
        return STATUS


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(paths: Paths) -> FakeDaemon:
        return FakeDaemon()

    monkeypatch.setattr(client, "find", find)


@pytest.mark.usefixtures("running")
def test_a_running_daemon_is_asked(cli: Cli) -> None:
    assert cli("status", "--json").document == STATUS
    outcome = cli("status")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("today $14.82 · $3.10/h · 2 sessions running\n")
    assert "\x1b" not in outcome.out


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_levels_have_colours_on_terminals_only(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], coloured: bool
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert ("\x1b[31mused up\x1b[0m  resets" in cli("status").out) is coloured


def test_without_a_daemon_the_ledger_tells(cli: Cli, home: Path) -> None:
    record(home, {call(1): 2_000_000_000, call(2, repo="/src/api"): 500_000_000, call(3, ago_s=500 * 86_400): 7})
    cli("budget", "set", "year", "--limit", "10", "--window", "year", "--scope", "repo")
    cli("budget", "set", "few", "--limit", "300 calls", "--window", "total", "--match", "repo=*/api")
    cli("budget", "set", "gpt", "--limit", "1", "--window", "total", "--match", "model=gpt-*")
    cli("budget", "set", "each", "--limit", "1", "--scope", "session")

    told = cli("status", "--json").document
    assert told["daemon"] is None
    assert (told["sessions"], told["holds"]) == ([], [])
    standings = {one["label"]: (one["spent"], one["limit"], one["level"]) for one in told["budgets"]}
    assert standings == {
        "web/year": (2_000_000_000, 10_000_000_000, "ok"),
        "api/year": (500_000_000, 10_000_000_000, "ok"),
        "few": (1, 300, "ok"),
    }
    shown = cli("status").out.splitlines()
    assert shown[0].startswith("today $")
    assert shown[-1] == "the daemon is not running; it starts with the next tokenguard run"


def test_before_anything_was_recorded(cli: Cli, home: Path) -> None:
    told = cli("status", "--json").document
    assert (told["daemon"], told["totals"]["today"]["calls"], told["budgets"]) == (None, 0, [])
    assert cli("status").out.startswith("today $0.00 · no sessions running\n")
    assert not home.exists()


def test_a_broken_configuration_is_named(cli: Cli, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("[daemon]\nprot = 1\n")
    outcome = cli("status", "--json")
    assert outcome.code == 3
    assert 'config.toml: unknown key "daemon.prot"; accepted are port, on_error, idle_exit' in outcome.err
    assert outcome.document["error"]["exit_code"] == 3


def test_asking_a_daemon_imports_little() -> None:
    program = (
        "import sys; from tokenguard import client, cli;"
        "client.find = lambda paths: type('D', (), {'get': lambda self, path: "
        "{'daemon': {}, 'totals': dict.fromkeys(['today', 'hour'],"
        " {'calls': 0, 'cost_nanos': 0, 'confidence': 'exact', 'unpriced': 0}),"
        " 'sessions': [], 'budgets': []}})();"
        "assert cli.main(['status']) == 0; print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "today $0.00 · no sessions running\n"
    assert not set(done.stderr.split()) & {"aiohttp", "rich", "asyncio", "sqlite3", "psutil", "http.client", "ssl"}
