"""`tokenguard approve` and `tokenguard deny`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Cli
from tokenguard import client
from tokenguard.config.paths import Paths
from tokenguard.errors import DaemonError


def hold(id: str, agent: str = "claude", repo: str | None = "/src/web", **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "session": "bcdfg",
        "agent": agent,
        "repo": repo,
        "model": "claude-opus-5-5",
        "estimate_nanos": 3_440_000_000,
        "budget": "web/day",
        "reason": "340k uncached tokens",
        "asked_at": "2026-11-21T12:00:00Z",
        "expires_at": "2026-11-21T12:05:00Z",
        **changes,
    }


OTHER = {"model": "claude-sonnet-5", "estimate_nanos": 690_000_000}


class FakeDaemon:
    """A daemon with calls that wait."""

    def __init__(self, *holds: dict[str, Any]) -> None:
        self.holds = holds
        self.answers: list[tuple[str, dict[str, Any]]] = []
        self.meanwhile: str | None = None

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/v1/status"
        return {"holds": list(self.holds)}

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        hold_id = path.removeprefix("/v1/holds/")
        self.answers.append((hold_id, json.loads(json.dumps(body))))
        for one in self.holds:
            if one["id"] == hold_id:
                return one | {"answer": self.meanwhile or body["answer"]}
        error = DaemonError(f"no call {hold_id} is waiting", "see tokenguard status")
        error.exit_code = 2
        raise error


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    fake = FakeDaemon(hold("7f2c"))

    def find(paths: Paths) -> FakeDaemon:
        return fake

    monkeypatch.setattr(client, "find", find)
    yield fake


def test_a_call_is_approved(cli: Cli, daemon: FakeDaemon) -> None:
    outcome = cli("approve", "7f2c")
    assert (outcome.code, outcome.out, outcome.err) == (0, "7f2c approved: claude web opus-5.5 ≈$3.44\n", "")
    assert daemon.answers == [("7f2c", {"answer": "approve", "amount": None, "reason": None})]


def test_a_cheaper_model_serves_it(cli: Cli, daemon: FakeDaemon) -> None:
    daemon.holds = (hold("7f2c", cheaper=OTHER),)
    outcome = cli("approve", "--cheaper", "--reason", "a test")
    assert outcome.out == "7f2c approved: claude web opus-5.5 ≈$3.44; claude-sonnet-5 serves it for ≈$0.690\n"
    assert daemon.answers == [("7f2c", {"answer": "cheaper", "amount": None, "reason": "a test"})]


def test_its_budget_is_raised_by_more(cli: Cli, daemon: FakeDaemon) -> None:
    outcome = cli("approve", "7f2c", "--amount", "5", "--reason", "release")
    assert outcome.out == "7f2c approved: claude web opus-5.5 ≈$3.44; web/day is raised by $5.00\n"
    assert daemon.answers == [("7f2c", {"answer": "approve", "amount": "$5", "reason": "release"})]


def test_a_call_is_denied(cli: Cli, daemon: FakeDaemon) -> None:
    outcome = cli("deny", "7f2c", "--reason", "too dear")
    assert (outcome.code, outcome.out) == (0, "7f2c denied: claude web opus-5.5 ≈$3.44\n")
    assert daemon.answers == [("7f2c", {"answer": "deny", "amount": None, "reason": "too dear"})]


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_json_is_what_the_daemon_says(cli: Cli, daemon: FakeDaemon, verb: str) -> None:
    assert cli(verb, "7f2c", "--json").document == hold("7f2c") | {"answer": verb}


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_without_an_id_the_only_one_is_meant(cli: Cli, daemon: FakeDaemon, verb: str) -> None:
    assert cli(verb).code == 0
    assert [hold_id for hold_id, _ in daemon.answers] == ["7f2c"]


def test_an_empty_id_is_not_no_id(cli: Cli, daemon: FakeDaemon) -> None:
    """What a shell makes of an unset variable must not approve something."""
    outcome = cli("approve", "")
    assert (outcome.code, daemon.answers) == (2, [])


def test_of_several_one_has_to_be_named(cli: Cli, daemon: FakeDaemon) -> None:
    daemon.holds = (hold("7f2c"), hold("8a1b", "codex", None, estimate_nanos=70_000_000))
    outcome = cli("deny", "--json")
    assert (outcome.code, daemon.answers) == (2, [])
    assert outcome.err == (
        "tokenguard: 2 calls wait: 7f2c (claude web opus-5.5 ≈$3.44), 8a1b (codex opus-5.5 ≈$0.070); "
        "name one: tokenguard deny 7f2c\n"
    )
    assert outcome.document["error"]["exit_code"] == 2


def test_many_are_not_all_listed(cli: Cli, daemon: FakeDaemon) -> None:
    daemon.holds = tuple(hold(f"b{number}") for number in range(9))
    told = cli("approve").err
    assert "9 calls wait: b0 (" in told and " and 4 more; name one: tokenguard approve b0" in told


def test_where_none_waits(cli: Cli, daemon: FakeDaemon) -> None:
    daemon.holds = ()
    outcome = cli("approve")
    assert outcome.code == 2
    assert outcome.err == "tokenguard: no call waits for an answer; tokenguard status shows what is going on\n"


def test_an_unknown_id(cli: Cli, daemon: FakeDaemon) -> None:
    outcome = cli("approve", "beef")
    assert (outcome.code, outcome.err) == (2, "tokenguard: no call beef is waiting; see tokenguard status\n")


@pytest.mark.parametrize("text", ["../budgets/raise", "a b", "a\r\nb", "ü", "7f2c?"])
def test_what_is_no_id_is_not_sent(cli: Cli, daemon: FakeDaemon, text: str) -> None:
    outcome = cli("approve", text)
    assert (outcome.code, daemon.answers) == (2, [])
    assert outcome.err.count("\n") == 1
    assert outcome.err.endswith(" is not the id of a call; tokenguard status shows those that wait\n")


def test_a_window_of_a_provider_is_raised_in_percent(cli: Cli, daemon: FakeDaemon) -> None:
    assert cli("approve", "7f2c", "--amount", "5%").out.endswith("web/day is raised by 5%\n")
    assert daemon.answers[0][1]["amount"] == "5%"


@pytest.mark.parametrize("amount", ["", "0", "5 euro"])
def test_an_amount_that_a_shell_has_eaten(cli: Cli, daemon: FakeDaemon, amount: str) -> None:
    assert cli("approve", "7f2c", "--amount", amount).code == 2
    assert not daemon.answers


def test_another_answer_was_quicker(cli: Cli, daemon: FakeDaemon) -> None:
    daemon.meanwhile = "expired"
    outcome = cli("approve", "7f2c")
    assert (outcome.code, outcome.out) == (1, "7f2c had another answer meanwhile: expired\n")


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_no_daemon_is_started_for_it(cli: Cli, home: Path, verb: str) -> None:
    outcome = cli(verb, "7f2c")
    assert outcome.code == 2
    assert outcome.err.startswith("tokenguard: no call waits: the daemon is not running; ")
    assert not home.exists()


def test_names_of_others_are_printed_harmlessly(cli: Cli, daemon: FakeDaemon) -> None:
    daemon.holds = (hold("7f2c", repo="/src/\x1b]0;x\x07", model="\x1b[2J"),)
    assert "\x1b" not in cli("approve").out


def test_ids_are_completed(cli: Cli, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon.holds = (hold("7f2c"), hold("8a1b"))
    monkeypatch.setenv("_TOKENGUARD_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "tokenguard approve 7")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert cli().out == "plain,7f2c\n"


def test_completion_without_a_daemon_is_empty(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TOKENGUARD_COMPLETE", "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", "tokenguard deny ")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert cli().out.strip() == ""
