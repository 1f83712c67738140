"""`tokenguard report`."""

from __future__ import annotations

import csv
import io
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.support import MODEL, Cli, call, record
from tokenguard.reports import KEYS

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
    assert lines[0] == ["MODEL", "CALLS", "TOKENS", "COST", "HIT"]
    numbers = [[word for word in line if word[0] not in "█▏▎▍▌▋▊▉"] for line in lines]
    assert numbers[1] == [MODEL, "2", "220", "67%", "$3.00", "86%", "0%"]
    assert numbers[2] == [HAIKU, "1", "110", "33%", "$0.500", "14%", "0%"]
    assert numbers[4] == ["total", "3", "330", "$3.50", "0%"]
    assert max(map(len, outcome.out.splitlines())) <= 80


@pytest.mark.usefixtures("spent")
def test_the_dearest_calls_and_why(cli: Cli) -> None:
    outcome = cli("report", "--dearest", "2")
    rows = [line.split() for line in outcome.out.splitlines()]
    assert [row[2] for row in rows[1::2]] == ["$2.00", "$1.00"]
    assert " ".join(rows[2]) == "100 tokens sent anew: the cache expired, 39 days after the call before"
    told = cli("report", "--dearest", "--json").document
    assert [call["list_nanos"] for call in told["calls"]] == [2_000_000_000, 1_000_000_000, 500_000_000]
    assert told["calls"][0]["why"][0]["reason"] == "cache-expired"
    lines = list(csv.DictReader(io.StringIO(cli("report", "--dearest", "--csv").out)))
    assert [line["list_usd"] for line in lines] == ["2.000000000", "1.000000000", "0.500000000"]


@pytest.mark.usefixtures("spent")
def test_the_rows_that_cost_least_are_put_together_unless_all_are_asked_for(cli: Cli) -> None:
    assert "1 more" in cli("report", "--by", "repo", "--top", "1").out
    assert "more" not in cli("report", "--by", "repo", "--top", "0").out
    assert "more" not in cli("report", "--by", "day", "--since", "60d", "--top", "1").out


@pytest.mark.usefixtures("spent")
@pytest.mark.parametrize("one", KEYS)
def test_any_two_keys_fit_eighty_columns(cli: Cli, one: str) -> None:
    for other in KEYS:
        outcome = cli("report", "--since", "60d", "--by", f"{one},{other}")
        assert (outcome.code, outcome.err) == (0, "")
        assert max(map(len, outcome.out.splitlines())) <= 80


@pytest.mark.usefixtures("spent")
def test_the_width_can_be_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = max(map(len, cli("report", "--by", "repo,model,branch,agent").out.splitlines()))
    monkeypatch.setenv("COLUMNS", "200")
    assert max(map(len, cli("report", "--by", "repo,model,branch,agent").out.splitlines())) > narrow


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
        (["--origin", "measured", "--request-class", "main"], 3_500_000_000),
        (["--origin", "logged"], 0),
        (["--worktree", "/src/web"], 0),
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
        (["--by", "day", "--dearest"], "--by and --dearest exclude each other"),
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
