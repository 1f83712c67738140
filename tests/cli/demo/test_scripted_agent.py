"""The stand-ins against the simulated providers, without tokenguard between them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokenguard import simulator
from tokenguard.cli.demo import scripted_agent
from tokenguard.simulator import Process


@pytest.fixture(scope="module")
def providers() -> Iterator[Process]:
    with simulator.spawn() as running:
        yield running


def run(agent: str, url: str, folder: Path, prompts: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Start an agent as its launcher would, pointed at `url`."""
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": url}}))
    arguments = {
        "claude": ["--settings", str(settings)],
        "codex": ["-c", 'model="gpt-6.1-sol"', "-c", f'openai_base_url="{url}/v1"'],
        "gemini": [],
    }
    return subprocess.run(
        [sys.executable, scripted_agent.__file__, agent, "--turns", "2", *options, *arguments[agent]],
        cwd=folder,
        input=prompts,
        env={**os.environ, "GOOGLE_GEMINI_BASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("agent", "hidden"), [("claude", 1), ("codex", 0), ("gemini", 2)])
def test_an_agent_works_through_its_prompts(providers: Process, tmp_path: Path, agent: str, hidden: int) -> None:
    providers.reset()
    done = run(agent, providers.url, tmp_path, "Find it\nFix it\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "> Find it\n> Fix it\n", "")
    calls = providers.bill().calls
    main = [call for call in calls if call.stream]
    assert len(main) == 6 and len(calls) - len(main) == hidden
    prompts = [call.usage.prompt for call in main]
    assert prompts == sorted(prompts), "the context grows"
    assert [call.usage.cache_read > 1_024 for call in main] == [False] + [True] * 5


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("claude", "API Error: 529 Overloaded"),
        ("codex", '{"error":{"message":"Overloaded"'),
        ("gemini", "[API Error: Overloaded]"),
    ],
)
def test_an_agent_shows_a_refusal_in_its_own_way(providers: Process, tmp_path: Path, agent: str, shown: str) -> None:
    done = run(agent, providers.url, tmp_path, "Find it [sim:error=529]\nNever\n")
    assert done.returncode == 1
    prompt, told = done.stdout.splitlines()
    assert prompt.startswith("> Find it") and told.startswith(shown)


def test_it_makes_a_commit_for_each_prompt_if_it_is_told_to(providers: Process, tmp_path: Path) -> None:
    git = ("git", "-C", str(tmp_path))
    subprocess.run([*git, "init", "-q"], check=True)
    for name in ("name", "email"):
        subprocess.run([*git, "config", f"user.{name}", "a"], check=True)
    assert run("claude", providers.url, tmp_path, "Find it\nFix it\n", "--commit").returncode == 0
    log = subprocess.run([*git, "log", "--format=%s"], check=True, capture_output=True, text=True)
    assert log.stdout == "Fix it\nFind it\n"
