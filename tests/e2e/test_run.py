"""`tokenguard run` from outside: real processes, real sockets, and a simulator whose bill is the truth."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.installation import Installation
from tests.support.waiting import until
from tokenguard import simulator

PROMPT = "Explain the plan. " * 40
PLANTED_KEY = "sk-ant-api03-PLANTED-KEY-0123456789"
PLANTED_PROMPT = "PLANTED-PROMPT-kumquat"


def ledger_rows(tg: Installation) -> list[tuple[str, int, int]]:
    """(response id, nanodollars, tokens) of every charged call."""
    with closing(sqlite3.connect(f"file:{tg.home}/ledger.db?mode=ro", uri=True)) as ledger:
        return sorted(
            ledger.execute(
                "SELECT response_id, cost_nanos, input + cache_read + cache_write_5m + cache_write_1h + output"
                " FROM calls WHERE state = 'settled' AND cost_nanos > 0"
            ).fetchall()
        )


def billed_rows(sim: simulator.Process) -> list[tuple[str, int, int]]:
    return sorted(
        (call.id, call.nanos, sum(leg.usage.prompt + leg.usage.output for leg in call.legs))
        for call in sim.bill().calls
        if call.nanos
    )


@pytest.mark.parametrize("dialect", ["anthropic", "responses", "chat", "gemini"])
@pytest.mark.parametrize("mode", ["", ":stream"])
def test_the_ledger_is_the_provider_s_bill(tg: Installation, sim: simulator.Process, dialect: str, mode: str) -> None:
    done = tg(*tg.agent(dialect + mode, PROMPT, PROMPT + "[sim:output=300]", PROMPT + "[sim:thinking=200]"))
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["200"] * 3
    assert len(billed_rows(sim)) == 3
    assert ledger_rows(tg) == billed_rows(sim)
    status = tg.json("status")
    assert status["totals"]["today"]["cost_nanos"] == sim.bill().total_nanos
    assert status["totals"]["today"]["confidence"] == "exact"


def test_the_last_line_says_what_the_session_cost(tg: Installation, sim: simulator.Process, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    done = tg(*tg.agent("anthropic:stream", PROMPT, PROMPT, options=("--summary", str(summary), "--task", "login")))
    line = done.stderr.strip().splitlines()[-1]
    assert re.fullmatch(r"tokenguard  \$[0-9.]+ in 2 calls  \(opus-5\.5\)", line)
    told = json.loads(summary.read_text())
    assert (told["calls"], told["cost_nanos"]) == (2, sim.bill().total_nanos)
    assert [model["model"] for model in told["models"]] == ["claude-opus-5-5"]
    assert told["task"] == "login"


def test_a_budget_stops_the_agent_with_a_reason_that_it_can_show(tg: Installation, sim: simulator.Process) -> None:
    prompts = [PROMPT + "[sim:output=1000]"] * 8
    done = tg(*tg.agent("anthropic:stream", *prompts, options=("--budget", "0.10")), check=False)
    lines = done.stdout.splitlines()
    statuses = [line.split()[0] for line in lines]
    allowed = statuses.count("200")
    assert 1 <= allowed < 8
    assert statuses == ["200"] * allowed + ["400"] * (8 - allowed)
    assert len(sim.requests()) == allowed
    error = json.loads(lines[-1].split(" ", 1)[1])["error"]["message"]
    assert error.startswith("tokenguard stopped this request: the session budget")
    assert re.search(r"To go on: tokenguard budget raise \w+/session --amount", error)
    assert done.returncode == 1
    assert f"{allowed} calls, {8 - allowed} refused" in done.stderr
    assert sim.bill().total_nanos <= 110_000_000


def test_the_command_of_a_refusal_lets_the_agent_go_on(tg: Installation, sim: simulator.Process) -> None:
    agent = subprocess.Popen(
        tg.command(*tg.agent("anthropic", PROMPT, "PAUSE", PROMPT, options=("--budget", "0.0001"))),
        env=tg.env, cwd=tg.work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert agent.stdout and agent.stdin
    refusal = agent.stdout.readline()
    assert refusal.startswith("400")
    command = re.search(r"tokenguard (budget raise .*? --reason) WHY", json.loads(refusal[4:])["error"]["message"])
    assert command
    tg(*command[1].replace(re.findall(r"--amount (\S+)", command[1])[0], "5").split(), "the tests need it")
    assert agent.stdout.readline() == "paused\n"
    agent.stdin.write("\n")
    agent.stdin.flush()
    assert agent.stdout.readline().startswith("200")
    agent.communicate(timeout=30)
    assert ledger_rows(tg) == billed_rows(sim)


def test_budgets_by_command_hold_at_once_and_per_repository(tg: Installation, sim: simulator.Process) -> None:
    tg("budget", "set", "day", "--limit", "0.03", "--scope", "repo", "--window", "day")
    prompts = [PROMPT + "[sim:output=1000]"] * 3
    first = tg(*tg.agent("anthropic", *prompts), check=False)
    assert "the day budget of repository web" in first.stdout
    other = tg.home.parent / "api"
    other.mkdir()
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    assert tg(*tg.agent("anthropic", prompts[0]), cwd=other).stdout.startswith("200")
    tg("budget", "remove", "day")
    assert tg(*tg.agent("anthropic", prompts[0])).stdout.startswith("200")


def test_nothing_secret_is_kept(tg: Installation, sim: simulator.Process) -> None:
    """Keys, prompts, completions and tokens are in no file, whatever happened to the calls."""
    env = {"AGENT_KEY": PLANTED_KEY}
    prompt = f"{PLANTED_PROMPT} {PROMPT}"
    tg(*tg.agent("anthropic:stream", prompt), env=env)
    shown = tg(*tg.agent("anthropic", prompt), env={**env, "AGENT_SHOWS": "1"}).stdout
    completion = next(part["text"] for part in json.loads(shown[4:])["content"] if part["type"] == "text")
    assert len(completion) > 40
    tg(*tg.agent("chat:stream", prompt, prompt + "[sim:error=500]", prompt + "[sim:garbage]"), env=env, check=False)
    tg(*tg.agent("responses:stream", prompt + "[sim:cut]", prompt + "[sim:midstream-error]"), env=env, check=False)
    tg(*tg.agent("gemini", prompt, options=("--budget", "0.000001")), env=env, check=False)
    with subprocess.Popen(
        tg.command("run", "--", "sh", "-c", "echo $ANTHROPIC_BASE_URL"),
        env=tg.env, cwd=tg.work, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as probe:  # fmt: skip
        assert probe.stdout
        token = probe.stdout.read().split("/s/")[1].split("/")[0]
    tg.stop()
    kept = b"".join(file.read_bytes() for file in tg.home.rglob("*") if file.is_file() and file.name != "config.toml")
    assert b"claude-opus-5-5" in kept
    for secret in (PLANTED_KEY, PLANTED_PROMPT, "Explain the plan", completion[:40], token):
        assert secret.encode() not in kept


def test_a_daemon_that_is_killed_is_back_at_once_and_nothing_is_lost(tg: Installation, sim: simulator.Process) -> None:
    agent = subprocess.Popen(
        tg.command(*tg.agent("anthropic:stream", PROMPT, "PAUSE", PROMPT)),
        env=tg.env, cwd=tg.work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert agent.stdout and agent.stdin
    assert agent.stdout.readline().startswith("200")
    assert agent.stdout.readline() == "paused\n"
    # The answer is there before its row is: a call that is open when the daemon dies is presumed, not settled.
    until(lambda: ledger_rows(tg), "the first call is settled")
    port = tg.json("status")["daemon"]["port"]
    killed = tg.daemon_pid()
    assert killed
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while (status := tg.json("status"))["daemon"] is None or status["daemon"]["pid"] == killed:
        assert time.monotonic() < deadline
    assert status["daemon"]["port"] == port
    agent.stdin.write("\n")
    agent.stdin.flush()
    assert agent.stdout.readline().startswith("200")
    _, told = agent.communicate(timeout=30)
    assert agent.returncode == 0
    assert "in 2 calls" in told
    assert ledger_rows(tg) == billed_rows(sim)


@pytest.mark.parametrize(
    "marker", ["[sim:garbage]", "[sim:cut]", "[sim:midstream-error]", "[sim:halfevent]", "[sim:big=50MB]"]
)
@pytest.mark.parametrize("dialect", ["anthropic", "responses", "chat", "gemini"])
def test_an_answer_without_a_bill_is_marked_and_never_free(
    tg: Installation, sim: simulator.Process, dialect: str, marker: str
) -> None:
    tg(*tg.agent(f"{dialect}:stream", PROMPT + marker), check=False)
    totals = tg.json("report")["total"]
    assert totals["calls"] == 1
    exact = {(row[1]) for row in billed_rows(sim)} == {totals["cost_nanos"]}
    assert exact or (totals["cost_nanos"] > 0 and totals["confidence"] == "estimated")


def test_an_unknown_model_is_bounded_by_its_relatives(tg: Installation, sim: simulator.Process) -> None:
    tg(*tg.agent("anthropic:stream", PROMPT + "[sim:unknown-model]"))
    totals = tg.json("report")["total"]
    assert (totals["calls"], totals["confidence"]) == (1, "bound")
    assert totals["cost_nanos"] > 0


def test_a_provider_s_error_passes_untouched_and_costs_nothing(tg: Installation, sim: simulator.Process) -> None:
    done = tg(*tg.agent("anthropic", PROMPT + "[sim:error=529]"), check=False)
    assert done.stdout.startswith("529")
    assert "overloaded_error" in done.stdout
    assert tg.json("report")["total"]["cost_nanos"] == 0


def test_a_provider_that_is_not_there_is_named(tg: Installation) -> None:
    tg.configure("http://127.0.0.1:1")
    done = tg(*tg.agent("anthropic", PROMPT), check=False)
    assert done.stdout.startswith("502")
    assert "127.0.0.1" in done.stdout
