"""Agents that know many providers, with those that their entries in the roster do not use."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from tests.agents.roster import CLINE, KEY, OPENCODE, PI, QWEN, RealAgent
from tests.agents.stage import STOPPED, Stage, shown

pytestmark = pytest.mark.real_agents

_GEMINI = "gemini-3.8-flash"
_ROUTED = "anthropic/claude-sonnet-4.5"
_OPENCODE_FILE = ".config/opencode/opencode.json"
_CLINE_FILE = ".cline/data/settings/providers.json"
_QWEN_FILE = ".qwen/settings.json"


def _without_key(agent: RealAgent, **env: str) -> dict[str, str]:
    return {**{name: value for name, value in agent.env.items() if value != KEY}, **env}


def _opencode(model: str, variable: str) -> RealAgent:
    settings = {**json.loads(OPENCODE.files[_OPENCODE_FILE]), "model": model, "small_model": model}
    files = {**OPENCODE.files, _OPENCODE_FILE: json.dumps(settings)}
    return replace(OPENCODE, env=_without_key(OPENCODE, **{variable: KEY}), files=files)


def _qwen(kind: str, model: str) -> RealAgent:
    chosen = {
        "security": {"auth": {"selectedType": kind}},
        "model": {"name": model},
        "modelProviders": {kind: [{"id": model, "envKey": "SOME_KEY"}]},
    }
    files = {_QWEN_FILE: json.dumps({**json.loads(QWEN.files[_QWEN_FILE]), **chosen})}
    return replace(QWEN, env={"SOME_KEY": KEY}, files=files)


def _pi(model: str, variable: str) -> RealAgent:
    return replace(PI, before=("pi", "--model", model, "-p"), env=_without_key(PI, **{variable: KEY}))


def _cline(provider: str, model: str) -> RealAgent:
    entry = {"settings": {"provider": provider, "apiKey": KEY}, "updatedAt": "2026-11-01T00:00:00.000Z"}
    files = {**CLINE.files, _CLINE_FILE: json.dumps({"version": 1, "providers": {provider: entry}})}
    before = ("cline", "--provider", provider, "--model", model)
    return replace(CLINE, before=before, env=_without_key(CLINE), files=files)


GEMINI = {
    "opencode": _opencode(f"google/{_GEMINI}", "GOOGLE_GENERATIVE_AI_API_KEY"),
    "qwen": _qwen("gemini", _GEMINI),
    "pi": _pi(f"google/{_GEMINI}", "GEMINI_API_KEY"),
    "cline": _cline("gemini", _GEMINI),
}
OPENROUTER = {
    "opencode": _opencode(f"openrouter/{_ROUTED}", "OPENROUTER_API_KEY"),
    "pi": _pi(f"openrouter/{_ROUTED}", "OPENROUTER_API_KEY"),
    "cline": _cline("openrouter", _ROUTED),
}


@pytest.mark.parametrize("agent", GEMINI.values(), indirect=True, ids=GEMINI)
def test_gemini(stage: Stage) -> None:
    done = stage.run("look around [sim:turns=2]")
    assert (done.returncode, "simulated-step-2" in shown(done)) == (0, True), done
    assert {one.path.partition(":")[0] for one in stage.seen()} == {f"/v1beta/models/{_GEMINI}"}
    assert stage.ledger() == stage.bill()
    assert stage.asked() == 3 + stage.agent.extra


@pytest.mark.parametrize("agent", OPENROUTER.values(), indirect=True, ids=OPENROUTER)
def test_openrouter(stage: Stage) -> None:
    """The simulator has no prices of its own for what OpenRouter sells: tokens are compared, not money."""
    done = stage.run("look around [sim:turns=2]")
    assert (done.returncode, "simulated-step-2" in shown(done)) == (0, True), done
    assert {one.path for one in stage.seen()} == {"/api/v1/chat/completions"}
    assert {name: spent._replace(nanos=0) for name, spent in stage.ledger().items()} == {
        name: spent._replace(nanos=0) for name, spent in stage.bill().items()
    }
    assert stage.asked() == 3 + stage.agent.extra


@pytest.mark.parametrize("agent", [*GEMINI.values(), *OPENROUTER.values()], indirect=True)
def test_a_refusal_is_shown(stage: Stage) -> None:
    done = stage.run("say hello", "--budget", "0", "--yes")
    assert done.returncode == stage.agent.stopped, done
    assert f"{STOPPED}the session budget allows nothing" in shown(done)
    assert stage.seen() == ()
    assert 1 <= stage.refused() <= stage.agent.attempts
