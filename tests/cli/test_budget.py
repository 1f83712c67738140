"""`tokenguard budget`."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Cli
from tokenguard import client
from tokenguard.config.paths import Paths, find_paths
from tokenguard.config.settings import load
from tokenguard.errors import DaemonError
from tokenguard.records import Budget, Unit

HAND_WRITTEN = '[[budget]]\nname = "mine"\nlimit = "$3"\nwindow = "day"\n'


def stored(home: Path) -> tuple[Budget, ...]:
    return load(find_paths({"TOKENGUARD_HOME": str(home)})).budgets


def test_set_writes_what_the_configuration_reads(cli: Cli, home: Path) -> None:
    options = ["--limit", "20", "--window", "day", "--scope", "repo", "--match", "model=claude-*"]
    options += ["--levels", "10,20,30", "--at-limit", "warn", "--mode", "strict", "--timezone", "Europe/Berlin"]
    outcome = cli("budget", "set", "web", *options)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "web: $20.00, scope repo, window day, model claude-*, warn, strict, Europe/Berlin, levels 10/20/30\n"
    )
    assert stored(home) == (
        Budget(
            name="web",
            limit=20_000_000_000,
            scope="repo",
            window="day",
            timezone="Europe/Berlin",
            match=(("model", "claude-*"),),
            levels=(10, 20, 30),
            at_limit="warn",
            mode="strict",
            source=str(home / "budgets.toml"),
        ),
    )


def test_set_changes_only_what_is_given(cli: Cli, home: Path) -> None:
    cli("budget", "set", "one", "--limit", "20", "--window", "day", "--match", "model=x*")
    cli("budget", "set", "two", "--limit", "300 calls", "--window", "month")
    assert cli("budget", "set", "one", "--limit", "2M tokens").code == 0
    one, two = stored(home)
    assert (one.limit, one.unit, one.window, one.match) == (2_000_000, Unit.TOKENS, "day", (("model", "x*"),))
    assert (two.limit, two.unit, two.window) == (300, Unit.CALLS, "month")


def test_set_takes_every_key(cli: Cli, home: Path) -> None:
    options = ["--limit", "2M tokens", "--window", "month", "--month-start", "15", "--bucket", "output", "--clamp"]
    options += ["--at-limit", "downgrade", "--downgrade", "claude-opus-*=claude-sonnet-5", "--downgrade", "*=gpt-5"]
    options += ["--landing", "10%", "--landing-release", "auto", "--overshoot", "1%", "--forecast"]
    outcome = cli("budget", "set", "all", *options)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "all: 2.0M tokens, scope global, window month, downgrade, from day 15, output only, "
        "claude-opus-* -> claude-sonnet-5, * -> gpt-5, clamp, landing 200k tokens (auto), forecast\n"
    )
    assert stored(home) == (
        Budget(
            name="all",
            limit=2_000_000,
            unit=Unit.TOKENS,
            window="month",
            month_start=15,
            bucket="output",
            clamp=True,
            at_limit="downgrade",
            downgrade=(("claude-opus-*", "claude-sonnet-5"), ("*", "gpt-5")),
            landing=200_000,
            landing_release="auto",
            overshoot=0.01,
            forecast=True,
            source=str(home / "budgets.toml"),
        ),
    )


def test_set_a_percentage_of_an_official_window(cli: Cli, home: Path) -> None:
    outcome = cli("budget", "set", "plan", "--official", "anthropic/five_hour", "--limit", "90%")
    assert outcome.out == "plan: 90% of anthropic/five_hour\n"
    assert (stored(home)[0].unit, stored(home)[0].limit) == (Unit.PERCENT, 90)


def test_never_from_subscription_to_credits(cli: Cli, home: Path) -> None:
    options = ["--match", "billing=credits", "--window", "total", "--limit", "0", "--yes"]
    assert cli("budget", "set", "no-credits", *options).code == 0
    assert (stored(home)[0].limit, stored(home)[0].match) == (0, (("billing", "credits"),))


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        (["--window", "week", "--week-start", "sunday"], ["--window", "month"], {"window": "month"}),
        (["--window", "month", "--month-start", "5"], ["--window", "rolling 5h"], {"window": "rolling 5h"}),
        (["--window", "day", "--counts", "all"], ["--limit", "5 calls"], {"window": "day", "limit": 5}),
        (["--window", "day", "--overshoot", "0.01"], ["--mode", "strict"], {"window": "day", "mode": "strict"}),
        (
            ["--window", "day", "--landing", "2", "--landing-release", "auto", "--clamp"],
            ["--at-limit", "warn"],
            {"window": "day", "at_limit": "warn"},
        ),
        (["--window", "day", "--landing", "2", "--landing-release", "auto"], ["--landing", "0"], {"window": "day"}),
        (["--window", "day", "--clamp"], ["--no-clamp"], {"window": "day"}),
        (
            ["--window", "day", "--scope", "repo", "--mode", "strict"],
            ["--official", "chatgpt/five_hour", "--limit", "50%"],
            {"official": "chatgpt/five_hour", "limit": 50, "unit": Unit.PERCENT},
        ),
    ],
)
def test_what_means_nothing_any_more_goes_with_a_change(
    cli: Cli, home: Path, first: list[str], then: list[str], kept: dict[str, Any]
) -> None:
    assert cli("budget", "set", "one", "--limit", "20", *first).err == ""
    assert cli("budget", "set", "one", *then).err == ""
    (budget,) = stored(home)
    unit = kept.pop("unit", Unit.CALLS if kept.get("limit") == 5 else Unit.USD)
    limit = kept.pop("limit", 20_000_000_000)
    assert budget == Budget("one", limit, unit=unit, source=str(home / "budgets.toml"), **kept)


def test_a_zero_that_is_meant_is_kept(cli: Cli, home: Path) -> None:
    assert cli("budget", "set", "none", "--limit", "0", "--window", "day").code == 2
    assert not (home / "budgets.toml").exists()
    assert cli("budget", "set", "none", "--limit", "0", "--window", "day", "--yes").code == 0
    assert stored(home)[0].limit == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["x"], 'budget "x": --limit is missing; such as --limit 20'),
        (["x", "--limit", "20"], "window is missing"),
        (["x", "--limit", ""], "a shell turns an unquoted $5 into nothing"),
        (["x", "--limit", "20", "--window", "session"], 'window "session" needs scope "session"'),
        (["x", "--limit", "20", "--window", "fortnight"], "'fortnight' is not one of"),
        (["a b", "--limit", "20", "--window", "day"], "letters, digits, dot, dash or underscore"),
        (["x", "--limit", "20", "--window", "day", "--levels", "9,5,1"], "levels must rise"),
        (["x", "--limit", "20", "--window", "day", "--levels", "low"], "'low' is not a list of percents"),
        (["x", "--limit", "20", "--window", "day", "--match", "colour=red"], "FIELD is one of agent, billing, branch"),
        (["x", "--limit", "20", "--window", "day", "--match", "model"], "is not FIELD=GLOB"),
        (["x", "--limit", "20", "--window", "day", "--timezone", "Mars"], 'timezone "Mars" is not known'),
        (["x", "--limit", "20", "--window", "rolling 5"], "'rolling 5' is not one of session, day"),
        (["x", "--limit", "20", "--window", "day", "--week-start", "monday"], "week_start means nothing here"),
        (["x", "--limit", "20", "--window", "month", "--month-start", "31"], "31 is not in the range 1<=x<=28"),
        (["x", "--limit", "20", "--window", "day", "--at-limit", "downgrade"], 'at_limit "downgrade" needs downgrade'),
        (["x", "--limit", "20", "--window", "day", "--downgrade", "opus"], "'opus' is not FROM=TO"),
        (["x", "--limit", "20", "--window", "day", "--downgrade", "a=a"], 'downgrade "a" leads to itself'),
        (["x", "--limit", "20", "--window", "day", "--overshoot", "often"], "'often' is not a probability"),
        (["x", "--limit", "20", "--window", "day", "--overshoot", "60%"], "overshoot 0.6 is not a probability"),
        (["x", "--limit", "20", "--window", "day", "--overshoot", "1%", "--mode", "strict"], "overshoot means nothing"),
        (["x", "--limit", "20", "--window", "day", "--landing", "20"], "must be more than nothing and less than"),
        (["x", "--limit", "20", "--window", "day", "--bucket", "output"], "bucket means nothing here"),
        (["x", "--limit", "90%", "--window", "day"], "limit is a percentage, and nothing says of what"),
    ],
)
def test_set_names_what_is_wrong_and_writes_nothing(cli: Cli, home: Path, options: list[str], message: str) -> None:
    outcome = cli("budget", "set", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (home / "budgets.toml").exists()


def test_remove(cli: Cli, home: Path) -> None:
    cli("budget", "set", "one", "--limit", "20", "--window", "day")
    cli("budget", "set", "two", "--limit", "20", "--window", "day")
    assert cli("budget", "remove", "one").out == "one is removed.\n"
    assert [budget.name for budget in stored(home)] == ["two"]


def test_remove_tells_what_there_is(cli: Cli) -> None:
    cli("budget", "set", "one", "--limit", "20", "--window", "day")
    outcome = cli("budget", "remove", "oen")
    assert (outcome.code, outcome.err) == (2, 'tokenguard: there is no budget "oen"; set by command: one\n')


@pytest.mark.parametrize("command", [["set", "mine", "--limit", "5"], ["remove", "mine"]])
def test_hand_written_budgets_are_changed_by_hand(cli: Cli, home: Path, command: list[str]) -> None:
    home.mkdir()
    file = home / "config.toml"
    file.write_text(HAND_WRITTEN)
    outcome = cli("budget", *command)
    assert outcome.code == 2
    assert outcome.err == f'tokenguard: budget "mine" is written by hand; change it in {file}\n'
    assert file.read_text() == HAND_WRITTEN


def test_list_shows_where_each_is_set(cli: Cli, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    (home / "config.toml").write_text(HAND_WRITTEN)
    cli("budget", "set", "team", "--limit", "300 calls", "--window", "month", "--scope", "agent")
    repo = tmp_path / "web"
    subprocess.run(["git", "init", "--quiet", str(repo)], check=True)
    (repo / "tokenguard.toml").write_text('[[budget]]\nname = "ours"\nlimit = "$1"\nwindow = "day"\n')
    monkeypatch.chdir(repo)

    listed = [line.split() for line in cli("budget", "list").out.splitlines()]
    assert listed == [
        ["NAME", "SCOPE", "WINDOW", "LIMIT", "AT", "LIMIT", "MODE", "MATCH", "SET", "IN"],
        ["mine", "global", "day", "$3.00", "refuse", "calibrated", "5%", str(home / "config.toml")],
        ["team", "agent", "month", "300", "calls", "refuse", "calibrated", "5%", str(home / "budgets.toml")],
        ["web:ours", "global", "day", "$1.00", "refuse", "calibrated", "5%", f"repo={repo}"]
        + [str(repo / "tokenguard.toml")],
        "calibrated 5%: passes its limit in at most 5% of windows".split(),
    ]

    told = cli("budget", "list", "--json").document["budgets"]
    assert [(one["name"], one["unit"], one["limit"]) for one in told] == [
        ("mine", "usd", 3_000_000_000),
        ("team", "calls", 300),
        ("ours", "usd", 1_000_000_000),
    ]
    assert told[2]["match"] == {"repo": str(repo)}


def test_list_shows_what_differs_from_the_default(cli: Cli) -> None:
    cli("budget", "set", "a", "--limit", "20", "--window", "week", "--week-start", "sunday", "--mode", "strict")
    cli("budget", "set", "b", "--limit", "20", "--window", "rolling 5h", "--overshoot", "0.5%", "--landing", "10%")
    cli("budget", "set", "c", "--limit", "90%", "--official", "anthropic/seven_day", "--at-limit", "hold")
    cli("budget", "set", "d", "--limit", "20", "--window", "day", "--at-limit", "warn", "--counts", "all")
    listed = [line.rpartition("  ")[0].split() for line in cli("budget", "list").out.splitlines()]
    assert listed[0] == ["NAME", "SCOPE", "WINDOW", "LIMIT", "AT", "LIMIT", "MODE", "BESIDES"]
    assert listed[1] == ["a", "global", "week", "$20.00", "refuse", "strict", "from", "sunday"]
    assert listed[2][:3] + listed[2][6:] == ["b", "global", "rolling", "calibrated", "0.5%", "landing", "$2.00"]
    assert listed[3] == ["c", "global", "anthropic/seven_day", "90%", "hold"]
    assert listed[4] == ["d", "global", "day", "$20.00", "warn", "calibrated", "counts", "all"]


def test_the_list_in_json_has_every_key(cli: Cli) -> None:
    cli("budget", "set", "a", "--limit", "20", "--window", "week", "--week-start", "sunday", "--mode", "strict")
    options = ["--window", "day", "--at-limit", "downgrade", "--downgrade", "claude-*=claude-haiku-5"]
    cli("budget", "set", "b", "--limit", "20", *options)
    strict, calibrated = cli("budget", "list", "--json").document["budgets"]
    assert set(strict) == {*Budget.__struct_fields__, "overshoot_stated"}
    assert (strict["week_start"], strict["overshoot"]) == ("sunday", None)
    assert (calibrated["downgrade"], calibrated["overshoot"]) == ({"claude-*": "claude-haiku-5"}, 0.05)


def test_what_a_daemon_has_seen_is_stated(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("small", "large"):
        cli("budget", "set", name, "--limit", "20", "--window", "day", "--scope", "repo")
    cli("budget", "set", "none", "--limit", "0", "--yes", "--window", "day")
    file = str(home / "budgets.toml")

    class Daemon:
        def get(self, path: str) -> dict[str, Any]:
            shares = (0.1, 0.4511), (0.05,)
            slots = [(name, one) for name, many in zip(("small", "large"), shares, strict=True) for one in many]
            return {"budgets": [{"source": file, "name": name, "overshoot": one} for name, one in slots]}

    def find(paths: Paths) -> Daemon:
        return Daemon()

    monkeypatch.setattr(client, "find", find)
    shown = cli("budget", "list").out.splitlines()
    assert ["calibrated 46%" in shown[1], "calibrated 5%" in shown[2]] == [True, True]
    assert shown[3].split()[-2:] == ["calibrated", file]
    assert shown[4:] == [
        "calibrated 5%: passes its limit in at most 5% of windows",
        "calibrated 46%: passes its limit in at most 46% of windows; single calls take much of it, or many run at once",
    ]
    told = [one["overshoot_stated"] for one in cli("budget", "list", "--json").document["budgets"]]
    assert told == [0.46, 0.05, None]


def test_the_list_does_without_a_daemon_that_does_not_answer(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(paths: Paths) -> None:
        raise DaemonError("the daemon does not answer")

    cli("budget", "set", "day", "--limit", "20", "--window", "day")
    listed = cli("budget", "list").out
    monkeypatch.setattr(client, "find", find)
    assert cli("budget", "list").out == listed


@pytest.mark.parametrize(
    ("window", "official", "told"),
    [
        ("day", None, "until the window ends"),
        ("total", "anthropic/five_hour", "until the window ends"),
        ("total", None, "from now on: its window never ends"),
        ("rolling 5h", None, "for 5h"),
        ("session", None, "until the session ends"),
    ],
)
def test_how_long_a_raise_lasts(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, window: str, official: str | None, told: str
) -> None:
    class Daemon:
        def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
            raised = {"label": "web/day", "unit": "usd", "spent": 76_000_000, "limit": 1_100_000_000}
            return {**raised, "window": window, "official": official}

    def ensure(*_: object) -> Daemon:
        return Daemon()

    monkeypatch.setattr(client, "ensure", ensure)
    raised = cli("budget", "raise", "web/day", "--amount", "1", "--reason", "release")
    assert raised.out == f"web/day: $0.076 of $1.10 {told}\n"


def test_a_repository_cannot_speak_to_the_terminal(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = tmp_path / "we\x1b[2Jb"
    subprocess.run(["git", "init", "--quiet", str(repo)], check=True)
    (repo / "tokenguard.toml").write_text('[[budget]]\nname = "ours"\nlimit = "$1"\nwindow = "day"\n')
    monkeypatch.chdir(repo)
    assert "\x1b" not in cli("budget", "list").out


def test_an_empty_list_says_how_to_begin(cli: Cli) -> None:
    assert "tokenguard budget set" in cli("budget", "list").out
    assert cli("budget", "list", "--json").document == {"budgets": []}


def test_a_broken_file_is_named(cli: Cli, home: Path) -> None:
    home.mkdir()
    (home / "budgets.toml").write_text("[[budget]\n")
    outcome = cli("budget", "list", "--json")
    assert outcome.code == 3
    assert outcome.err.startswith("tokenguard: budgets.toml: ")
    assert "error" in outcome.document
