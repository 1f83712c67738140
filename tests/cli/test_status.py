"""`tokenguard status`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.statuses import NOON, STATUS, budget, found, session, totals
from tests.cli.support import NOW_US, Cli, call, record
from tokenguard import client
from tokenguard.cli.status import lines
from tokenguard.config.paths import Paths, find_paths
from tokenguard.ledger import Ledger
from tokenguard.records import OfficialWindow


def test_the_first_line_is_the_sum_and_what_follows_is_aligned() -> None:
    assert lines(STATUS, NOON) == [
        "today $14.82 · $3.10/h · 2 sessions running",
        "web/day     $16.40  of $20.00      82%  info     resets 00:00",
        "calls    300 calls  of 300 calls  100%  used up  resets Dec 1",
        "all          $0.00  of $5.00        0%",
        "  claude  web  feat/login  41 calls    $6.21",
        "  claude                     1 call  ≈$0.193",
    ]


READING = {
    "state": "reading",
    "files": 120,
    "files_done": 30,
    "bytes": 412_000_000,
    "bytes_done": 141_000_000,
    "rows": 3_100,
    "left_s": 12.4,
    "failing": None,
}


def test_how_far_logs_have_been_read() -> None:
    assert lines({**STATUS, "logs": READING}, NOON)[:2] == [
        "today $14.82 · $3.10/h · 2 sessions running",
        "reading agents' logs: 34% of 412 MB · 3,100 calls so far · 12 s left",
    ]
    begins = {**READING, "bytes": 0, "bytes_done": 0, "rows": 1, "left_s": None}
    assert lines({**STATUS, "logs": begins}, NOON)[1] == "reading agents' logs: 0% of 0 MB · 1 call so far"


def test_logs_that_are_followed_are_no_news() -> None:
    assert lines({**STATUS, "logs": {**READING, "state": "following"}}, NOON) == lines(STATUS, NOON)


def test_logs_that_cannot_be_read_are() -> None:
    told = lines({**STATUS, "logs": {**READING, "state": "following", "failing": "the disk is full"}}, NOON)
    assert told[1] == "! agents' logs are not read: the disk is full. See tokenguard doctor"


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


HOLD: dict[str, Any] = {
    "id": "7f2c",
    "agent": "claude",
    "repo": "/src/web",
    "model": "claude-opus-5-5",
    "estimate_nanos": 3_440_000_000,
    "reason": "this call re-reads 340k uncached tokens, about 3.44 USD",
    "expires_at": "2026-11-21T11:04:31Z",
}


def test_what_waits_comes_first_with_its_commands() -> None:
    other = HOLD | {"id": "8a1b", "agent": "codex", "repo": None, "estimate_nanos": 70_000_000, "reason": "why"}
    assert lines(found(holds=[HOLD, other]), NOON) == [
        "!  7f2c  claude  web  opus-5.5   ≈$3.44  4:31 left",
        "  this call re-reads 340k uncached tokens, about 3.44 USD",
        "  tokenguard approve 7f2c · tokenguard deny 7f2c",
        "!  8a1b  codex        opus-5.5  ≈$0.070  4:31 left",
        "  why",
        "  tokenguard approve 8a1b · tokenguard deny 8a1b",
        "",
        "today $0.00 · no sessions running · 2 calls waiting",
    ]


def test_who_asks_for_more_is_shown_with_how_much() -> None:
    wants = HOLD | {
        "model": "",
        "budget": "web/day",
        "unit": "calls",
        "wants": 50,
        "estimate_nanos": 0,
        "reason": "why",
    }
    assert lines(found(holds=[wants]), NOON)[0] == "!  7f2c  claude  web  more of web/day  +50 calls  4:31 left"


def test_trouble_with_the_ledger_comes_before_all_sums() -> None:
    failing = {"failing": "the ledger cannot be written: disk full", "kept": 40, "set_aside": None}
    damaged = {"failing": None, "kept": 0, "set_aside": "/x/ledger.db.corrupt-2026-11-21T1000Z"}
    assert lines(found(ledger=failing), NOON) == [
        "! the ledger cannot be written: disk full; 40 writes wait in memory. See tokenguard doctor",
        "today $0.00 · no sessions running",
    ]
    assert "disk full; 1 write waits in memory" in lines(found(ledger=failing | {"kept": 1}), NOON)[0]
    told = lines(found(ledger=damaged), NOON, 60)
    assert told[0].startswith("! the ledger was damaged; it is kept as")
    assert all(len(line) <= 60 for line in told)
    assert "/x/ledger.db.corrupt-2026-11-21T1000Z" in " ".join(told)


def test_a_wait_that_is_over_has_no_time_left() -> None:
    assert lines(found(holds=[HOLD | {"expires_at": "2026-11-21T10:00:00Z"}]), NOON)[0].endswith("  0:00 left")


def test_in_a_narrow_pane_the_most_important_stays() -> None:
    given = {**STATUS, "holds": [HOLD], "sessions": [{**STATUS["sessions"][0], "state": "waiting", "task": "login"}]}
    told = lines(given, NOON, 40)
    assert told == [
        "!  7f2c  claude  web  ≈$3.44  4:31 left",
        "  this call re-reads 340k uncached",
        "  tokens, about 3.44 USD",
        "  tokenguard approve 7f2c",
        "  tokenguard deny 7f2c",
        "",
        "today $14.82 · $3.10/h",
        "1 session running · 1 call waiting",
        "web/day     $16.40   82%  info",
        "calls    300 calls  100%  used up",
        "all          $0.00    0%",
        "! claude  web  41 calls  $6.21",
    ]
    assert all(len(line) <= 40 for line in told)


def test_what_a_subscription_covers_stands_apart() -> None:
    covered = totals(0, 9) | {"notional_nanos": 12_300_000_000}
    both = totals(2_000_000_000, 9) | {"notional_nanos": 12_300_000_000}
    plan = session("/src/web", "main", **covered)
    assert lines(found(totals={"today": covered, "hour": covered}, sessions=[plan]), NOON) == [
        "today $0.00 · $12.30 notional · $12.30/h notional · 1 session running",
        "  claude  web  main  9 calls  $0.00  $12.30 notional",
    ]
    told = lines(found(totals={"today": both, "hour": both}), NOON)
    assert told == ["today $2.00 · $12.30 notional · $2.00/h · no sessions running"]


def test_names_of_others_are_printed_harmlessly() -> None:
    evil = "\x1b]0;x\x07\n"
    given = found(
        holds=[HOLD | {"agent": evil, "repo": evil, "model": evil, "reason": evil}],
        sessions=[session(evil, evil, **totals(0)) | {"agent": evil, "task": evil}],
        budgets=[budget(evil, 0, 1, "ok")],
    )
    assert all(line.isprintable() for line in lines(given, NOON))


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


def test_without_a_daemon_windows_of_providers_stand_until_their_reset(cli: Cli, home: Path) -> None:
    record(home, {})
    windows = [
        OfficialWindow("anthropic", name, 62.0, NOW_US + ends_us, minutes=300, seen_us=NOW_US)
        for name, ends_us in (("seven_day", 3_600_000_000), ("five_hour", -1))
    ]

    async def see() -> None:
        ledger = Ledger.open(find_paths({"TOKENGUARD_HOME": str(home)}).ledger)
        for window in windows:
            await ledger.see_window(window)
        await ledger.close()

    asyncio.run(see())
    (told,) = cli("status", "--json").document["windows"]
    assert (told["name"], told["used_percent"]) == ("seven_day", 62.0)
    assert "Claude 7 d  62%  resets " in cli("status").out


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
        " 'sessions': [], 'budgets': [], 'holds': []}})();"
        "assert cli.main(['status']) == 0; print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "today $0.00 · no sessions running\n"
    assert not set(done.stderr.split()) & {"aiohttp", "rich", "asyncio", "sqlite3", "psutil", "http.client", "ssl"}
