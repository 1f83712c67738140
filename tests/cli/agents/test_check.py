"""`tokenguard agents check`: scripted agents, tried out as real ones are."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
import pytest
import tomli_w

from tests.cli.support import Cli, Outcome
from tests.support.installation import AGENT


@pytest.fixture(autouse=True)
def place(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where all that is tried out happens; keys and addresses of the user's are around."""
    home.mkdir(mode=0o700)
    (tmp_path / "bin").mkdir()
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("OPENAI_API_KEY", "planted-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example/v1")
    return folder


def define(home: Path, tmp_path: Path, script: str, **settings: Any) -> None:
    """An agent `mine`, which is a shell script."""
    program = tmp_path / "bin/mine"
    program.write_text(f'#!/bin/sh\nscripted() {{ {sys.executable} {AGENT} "$@"; }}\n{script}\n')
    program.chmod(0o755)
    (home / "config.toml").write_text(tomli_w.dumps({"agents": {"mine": settings}}))


def left_behind(place: Path) -> list[str]:
    """Files and processes of what was tried out."""
    found = [str(file) for file in place.iterdir()]
    for process in psutil.process_iter():
        try:
            if str(place) in " ".join(process.environ().values()):
                found.append(str(process.cmdline()))
        except psutil.Error:
            continue
    return found


def states(outcome: Outcome) -> dict[str, str]:
    return {one["check"]: one["state"] for one in outcome.document["checks"]}


def test_an_agent_that_comes_through(cli: Cli, home: Path, tmp_path: Path, place: Path) -> None:
    """Its server, which outlives it, does not outlive this; nothing of the user's is around it."""
    script = f'env > {tmp_path}/env; sleep 600 & scripted "$@"'
    define(home, tmp_path, script, hold_seconds=90)
    outcome = cli("agents", "check", "--json", "mine", "--", "anthropic:stream", "say hello")
    assert outcome.code == 0, outcome
    assert states(outcome) == {"version": "ok", "answer": "ok", "metered": "ok", "refusal": "fail"} | {"refusal": "ok"}
    told = outcome.document
    assert (told["ok"], told["agent"], told["path"]) == (True, "mine", str(tmp_path / "bin/mine"))
    assert (told["answer"]["calls"], told["answer"]["billed"], told["answer"]["exit_code"]) == (1, 1, 0)
    assert (told["refusal"]["refused"], told["refusal"]["billed"], told["refusal"]["exit_code"]) == (1, 0, 1)
    lines = (line.partition("=") for line in (tmp_path / "env").read_text().splitlines())
    env = {name: value for name, _, value in lines}
    assert env["OPENAI_API_KEY"].startswith("sk-made-up-") and "planted-secret" not in str(env)
    assert "gateway.example" not in str(env)
    assert Path(env["HOME"]).is_relative_to(place)
    assert left_behind(place) == []


def test_for_people(cli: Cli, home: Path, tmp_path: Path) -> None:
    define(home, tmp_path, 'case $1 in --version) echo "mine 4.5.6";; *) scripted "$@";; esac')
    outcome = cli("agents", "check", "mine", "--", "responses", "say hello")
    assert outcome.code == 0, outcome
    version, answer, metered, refusal = outcome.out.splitlines()
    assert version == f"✓ version   mine 4.5.6, {tmp_path}/bin/mine"
    assert answer.startswith("✓ answer    it ended with exit code 0 after ")
    assert metered == "✓ metered   1 call, as the simulated provider has billed"
    assert refusal == "✓ refusal   it stops after 1 request with exit code 1, and shows why"


def test_its_own_recipe_is_what_is_tried(cli: Cli, home: Path, tmp_path: Path) -> None:
    define(
        home,
        tmp_path,
        'unset OPENAI_BASE_URL; OPENAI_BASE_URL="$MINE_URL" scripted "$@"',
        env={"MINE_URL": "{url}/house/v1"},
        args=["chat"],
        refusal=402,
    )
    with (home / "config.toml").open("a") as file:
        file.write('[providers.house]\nbase_url = "https://llm.house.example"\n')
    outcome = cli("agents", "check", "mine", "--json", "--", "say hello")
    assert outcome.code == 0, outcome
    assert outcome.document["answer"]["billed"] == 1
    assert "402" in outcome.document["refusal"]["output"]


def test_an_agent_that_goes_past_us(cli: Cli, home: Path, tmp_path: Path, place: Path) -> None:
    request = "import urllib.request as r; r.urlopen('http://api.example.com/v1/messages')"
    define(home, tmp_path, f'{sys.executable} -c "{request}"')
    outcome = cli("agents", "check", "--json", "mine", "--", "hi")
    assert outcome.code == 1
    assert states(outcome) == {"version": "ok", "answer": "fail"}
    assert "it asked for api.example.com" in outcome.document["checks"][1]["detail"]
    assert outcome.document["refusal"] is None
    assert left_behind(place) == []


def test_an_agent_that_crashes(cli: Cli, home: Path, tmp_path: Path) -> None:
    define(home, tmp_path, "echo 'Error: no such library' >&2; exit 9")
    outcome = cli("agents", "check", "mine", "--", "hi")
    assert outcome.code == 1
    assert "✗ answer    it crashed at start, with exit code 9. It said: Error: no such library" in outcome.out
    assert "→ start it by itself; if it crashes there too, install it anew: " in outcome.out


def test_an_agent_that_waits_for_a_person(
    cli: Cli, home: Path, tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokenguard.cli.agents.trying.PATIENCE", 2.0)
    define(home, tmp_path, "case $1 in --version) ;; *) sleep 600;; esac")
    outcome = cli("agents", "check", "mine", "--", "hi")
    assert outcome.code == 1
    assert "✗ answer    it made no call, and had not ended after 2 s: it waits for a person" in outcome.out
    assert left_behind(place) == []


def test_an_agent_of_which_nobody_knows_how_it_is_asked(cli: Cli, home: Path, tmp_path: Path) -> None:
    define(home, tmp_path, "exit 1")
    outcome = cli("agents", "check", "mine")
    assert (outcome.code, outcome.err) == (
        2,
        "tokenguard: nobody here knows how mine answers one prompt and ends; say it: tokenguard agents check mine "
        "-- ARGUMENTS\n",
    )


def test_an_agent_that_is_not_installed(cli: Cli) -> None:
    outcome = cli("agents", "check", "--json", "cluade")
    assert outcome.code == 2
    assert outcome.document["error"]["hint"] == "did you mean claude?"
