"""`tokenguard report`."""

from __future__ import annotations

import csv
import io
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.support import MODEL, Cli, call, record

HAIKU = "claude-haiku-5-5"


@pytest.fixture
def spent(home: Path) -> None:
    """Opus in web, haiku in api, and something long ago."""
    day = 86_400
    record(
        home,
        {
            call(1): 2_000_000_000,
            call(2): 1_000_000_000,
            call(3, repo="/src/api", agent="codex", model=HAIKU): 500_000_000,
            call(4, ago_s=40 * day): 9_000_000_000,
        },
    )


@pytest.mark.usefixtures("spent")
def test_by_model_of_the_last_thirty_days(cli: Cli) -> None:
    outcome = cli("report")
    assert (outcome.code, outcome.err) == (0, "")
    lines = [line.split() for line in outcome.out.splitlines()]
    assert lines[0] == ["MODEL", "CALLS", "IN", "CACHED", "OUT", "TOKENS", "SPEND", "COST"]
    assert lines[1] == [MODEL, "2", "200", "0", "20", "67%", "86%", "$3.00"]
    assert lines[2] == [HAIKU, "1", "100", "0", "10", "33%", "14%", "$0.500"]
    assert lines[-1][-1] == "$3.50"


@pytest.mark.usefixtures("spent")
def test_json(cli: Cli) -> None:
    told = cli("report", "--by", "repo,model", "--json").document
    assert told["by"] == ["repo", "model"]
    assert [(row["repo"], row["model"], row["calls"], row["cost_nanos"]) for row in told["rows"]] == [
        ("/src/web", MODEL, 2, 3_000_000_000),
        ("/src/api", HAIKU, 1, 500_000_000),
    ]
    assert told["total"]["cost_nanos"] == 3_500_000_000
    since = datetime.fromisoformat(told["since"])
    assert timedelta(days=29) < datetime.now(since.tzinfo) - since < timedelta(days=31)


@pytest.mark.usefixtures("spent")
def test_csv(cli: Cli) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("report", "--by", "agent", "--csv").out)))
    assert [(row["agent"], row["cost_nanos"], row["cost_usd"]) for row in rows] == [
        ("claude", "3000000000", "3.000000000"),
        ("codex", "500000000", "0.500000000"),
    ]


@pytest.mark.usefixtures("spent")
@pytest.mark.parametrize(
    ("filters", "nanos"),
    [
        (["--repo", "web"], 3_000_000_000),
        (["--repo", "w*"], 3_000_000_000),
        (["--repo", "eb"], 0),
        (["--agent", "codex"], 500_000_000),
        (["--model", "claude-haiku*"], 500_000_000),
        (["--branch", "main", "--task", "log*", "--provider", "anthropic"], 3_500_000_000),
        (["--session", "nobody"], 0),
        (["--billing", "metered"], 3_500_000_000),
        (["--billing", "subscription"], 0),
        (["--since", "90d"], 12_500_000_000),
        (["--since", "90d", "--until", "7d"], 9_000_000_000),
    ],
)
def test_filters(cli: Cli, filters: list[str], nanos: int) -> None:
    assert cli("report", *filters, "--json").document["total"]["cost_nanos"] == nanos


def test_the_current_repository(cli: Cli, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = tmp_path / "some[1]"
    subprocess.run(["git", "init", "--quiet", str(repo)], check=True)
    record(home, {call(1, repo=str(repo)): 1_000, call(2): 5_000})
    monkeypatch.chdir(repo)
    assert cli("report", "--repo", ".", "--json").document["total"]["cost_nanos"] == 1_000
    assert cli("report", "--repo", str(repo), "--json").document["total"]["cost_nanos"] == 1_000


def test_before_anything_was_recorded(cli: Cli, home: Path) -> None:
    assert cli("report").out == " no calls in this time\n"
    told = cli("report", "--json").document
    assert (told["rows"], told["total"]["calls"]) == ([], 0)
    assert not home.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--by", "colour"], '"colour" is not a key of reports; use hour, day,'),
        (["--since", "soon"], '"soon" is not a time; use "today"'),
        (["--since", "today", "--until", "yesterday"], "until yesterday is not after since today"),
        (["--timezone", "Mars"], '"Mars" is not a time zone'),
        (["--repo", "."], "--repo . is not in a repository"),
        (["--csv"], "--json and --csv exclude each other"),
    ],
)
def test_wrong_usage(cli: Cli, options: list[str], message: str) -> None:
    outcome = cli("report", "--json", *options)
    assert outcome.code == 2
    assert message in outcome.err
    assert message in outcome.document["error"]["message"] + "; " + outcome.document["error"]["hint"]


def test_a_ledger_that_is_none(cli: Cli, home: Path) -> None:
    home.mkdir()
    (home / "ledger.db").write_bytes(b"not a ledger " * 100)
    outcome = cli("report", "--json")
    assert outcome.code == 3
    assert outcome.err.startswith("tokenguard: the ledger ")
    assert outcome.err.count("\n") == 1
    assert outcome.document["error"]["exit_code"] == 3
