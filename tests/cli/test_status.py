"""`tokenguard status`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import NOW_US, Cli, call, record
from tokenguard import client
from tokenguard.cli.status import lines
from tokenguard.config.paths import Paths, find_paths
from tokenguard.ledger import Ledger
from tokenguard.records import OfficialWindow

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


def sub_agent(name: str, kind: str | None, model: str, **rest: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "model": model, **rest}


def test_of_a_limit_that_is_shared_it_says_what_others_have() -> None:
    one = {**STATUS["budgets"][0], "team": "web", "label": "team:web/month", "others": 29_100_000_000}

    def told(**shared: Any) -> str:
        (line,) = [line for line in lines({**STATUS, "budgets": [{**one, **shared}]}, NOON) if "team:web" in line]
        return line

    assert "$29.10 by others, $60.00 held by them" in told(held=50_000_000_000, presumed=10_000_000_000)
    assert "$29.10 by others" in told(held=0, presumed=0) and "held" not in told(held=0, presumed=0)
    assert "nothing heard of the others" in told(others=None, held=None, presumed=None)


def test_sub_agents_stand_below_their_session_those_of_a_kind_together() -> None:
    subs = [
        sub_agent("a1", "Explore", "claude-haiku-5-5", **totals(100_000_000, 7)),
        sub_agent("01a1fd56-5f27", None, "claude-opus-5-5", **totals(2_000_000_000, 3)),
        sub_agent("a2", "Explore", "claude-haiku-5-5", **totals(90_000_000, 5, "estimated")),
    ]
    sessions = [session("/src/web", "main", **totals(6_210_000_000, 41), sub_agents=subs)]
    assert lines({**STATUS, "sessions": sessions}, NOON)[-3:] == [
        "  claude  web         main       41 calls    $6.21",
        "  └ sub   Explore ×2  haiku-5.5  12 calls  ≈$0.190",
        "  └ sub   01a1fd56    opus-5.5    3 calls    $2.00",
    ]


def test_a_session_stands_below_the_one_in_which_it_was_started() -> None:
    sessions = [
        session("/src/web", "main", **totals(1_000_000_000, 2), state="suspended", your_turn=True),
        session("/src/api", "main", **{**totals(3_000_000_000, 3), "id": "other"}),
        session("/src/web", "main", **{**totals(2_000_000_000, 2), "id": "inner", "agent": "codex", "parent": "bcdfg"}),
        session(
            "/src/web", "main", **{**totals(4_000_000_000, 2), "id": "innermost", "agent": "pi", "parent": "inner"}
        ),
        session(None, None, **{**totals(0, 0), "id": "orphan", "agent": "llm", "parent": "gone", "task": "look"}),
    ]
    shown = [line.rstrip() for line in lines({**STATUS, "sessions": sessions}, NOON)[4:]]
    assert shown == [
        "  claude   web  main   2 calls  $1.00  suspended",
        "  └ codex  web  main   2 calls  $2.00",
        "    └ pi   web  main   2 calls  $4.00",
        "  claude   api  main   3 calls  $3.00",
        "  llm                 no calls  $0.00  look",
    ]


def test_an_agent_that_waits_for_its_person_says_so() -> None:
    def told(**rest: Any) -> str:
        sessions = [session("/src/web", "main", **totals(1_000_000_000, 2), your_turn=True, **rest)]
        return lines({**STATUS, "sessions": sessions}, NOON)[-1]

    assert told().endswith("$1.00  your turn")
    assert "your turn" not in told(state="waiting")


def test_what_still_runs_of_an_ended_session_is_said() -> None:
    one = session("/src/web", "main", **totals(1_000_000_000, 2), state="ended", left=[{"pid": 123, "name": "hub"}])
    assert lines({**STATUS, "sessions": [one]}, NOON)[-1].endswith("$1.00  ended · hub (pid 123) still runs")


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


def found(**changes: Any) -> dict[str, Any]:
    """A status with nothing in it but what is given."""
    nothing: dict[str, Any] = {"daemon": {}, "sessions": [], "budgets": [], "holds": []}
    return {**nothing, "totals": {"today": totals(0, 0), "hour": totals(0, 0)}, **changes}


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


def test_windows_of_providers() -> None:
    windows = [
        {
            "provider": "anthropic",
            "name": "five_hour",
            "used_percent": 62.9,
            "resets_at": "2026-11-21T13:05:00Z",
            "seen_at": "2026-11-21T10:55:00Z",
        },
        {
            "provider": "chatgpt",
            "name": "seven_day",
            "used_percent": 100.0,
            "resets_at": "2026-11-24T13:05:00Z",
            "seen_at": "2026-11-21T09:10:00Z",
        },
        {"provider": "house", "name": "x", "used_percent": 0.0, "resets_at": None, "seen_at": "2026-11-21T11:00:00Z"},
    ]
    assert lines(found(windows=windows), NOON)[1:] == [
        "Claude 5 h   62%           resets 14:05",
        "Codex 7 d   100%  used up  resets Nov 24  as of 10:10",
        "house x       0%",
    ]


def test_landing_reserves() -> None:
    dollar = 1_000_000_000
    kept = budget("web/day", 5 * dollar, 20 * dollar, "ok", landing=2 * dollar, landing_released=False)
    free = budget("calls", 90, 100, "soft", unit="calls", landing=5, landing_released=True)
    assert lines(found(budgets=[kept, free, budget("all", 0, dollar, "ok", landing=0)]), NOON)[1:] == [
        "web/day     $5.00  of $20.00     25%        landing $2.00 kept",
        "calls    90 calls  of 100 calls  90%  soft  landing 5 calls open",
        "all         $0.00  of $1.00       0%",
    ]


def forecast(per_hour: int, full_at: str | None, *ends: int) -> dict[str, Any]:
    low, likely, high = ends or (None, None, None)
    return {"per_hour": per_hour, "full_at": full_at, "likely": likely, "low": low, "high": high}


def test_where_spending_is_going() -> None:
    cent = 10_000_000
    fast = forecast(310 * cent, "2026-11-21T12:05:00Z", 1_640 * cent, 2_400 * cent, 3_100 * cent)
    slow = forecast(0, "2026-11-27T12:05:00Z", 2_600_000, 3_100_000, 4_400_000)
    rolls = forecast(2, None)
    fresh = forecast(2, None, 2, 50, 50)
    given = [
        budget("web/day", 1_400 * cent, 2_000 * cent, "info", resets_at="2026-11-22T00:00:00+01:00", forecast=fast),
        budget("tokens", 100_000, 4_000_000, "ok", unit="tokens", forecast=slow, landing=5, landing_released=False),
        budget("rolls", 2, 10, "ok", unit="calls", forecast=rolls, reserved=1),
        budget("new", 2, 100, "ok", unit="calls", forecast=fresh),
        budget("full", cent, cent, "hard", forecast=forecast(0, "2026-11-21T10:59:59Z", cent, cent, cent)),
        budget("plan", 85, 90, "ok", unit="percent", forecast=None),
    ]
    assert lines(found(budgets=given), NOON)[1:] == [
        "web/day       $14.00  of $20.00        70%  info     resets 00:00    $3.10/h  full ≈13:05   "
        "ends ≈$24.00 ($16.40 to $31.00)",
        "tokens   100k tokens  of 4.0M tokens    2%                                    full ≈Nov 27  "
        "ends ≈3.1M tokens (2.6M to 4.4M) · landing 5 tokens kept",
        "rolls        2 calls  of 10 calls      20%                         2 calls/h                1 call set aside",
        "new          2 calls  of 100 calls      2%                         2 calls/h",
        "full          $0.010  of $0.01        100%  used up",
        "plan                  limit 90%        85%",
    ]
    told = lines(found(budgets=given[:1]), NOON, 80)[1:]
    assert told == ["web/day  $14.00  of $20.00  70%  info  resets 00:00  $3.10/h  full ≈13:05"]


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
