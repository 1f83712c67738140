"""Agents other than Codex with a ChatGPT login: their calls are metered as those of a plan, and refused in words."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from tests.agents.roster import OPENCODE, PI, RealAgent
from tests.agents.stage import Stage, calls, shown
from tests.agents.test_codex_socket import TOKEN
from tests.agents.test_real_agents import NOTHING_ALLOWED
from tokenguard import simulator

pytestmark = pytest.mark.real_agents

_LOGIN = {
    "type": "oauth",
    "access": TOKEN,
    "refresh": "planted-refresh",
    "expires": 4_102_444_800_000,
    "accountId": "account-1",
}
_MODEL, _SMALL = "gpt-5.5", "gpt-5.4-mini"

_OPENCODE_FILE = ".config/opencode/opencode.json"
_OPENCODE = replace(
    OPENCODE,
    env={name: value for name, value in OPENCODE.env.items() if "KEY" not in name},
    files={
        **OPENCODE.files,
        _OPENCODE_FILE: json.dumps(
            {
                **json.loads(OPENCODE.files[_OPENCODE_FILE]),
                "model": f"openai/{_MODEL}",
                "small_model": f"openai/{_SMALL}",
            }
        ),
        ".local/share/opencode/auth.json": json.dumps({"openai": _LOGIN}),
    },
)
_PI = replace(
    PI,
    before=("pi", "--model", f"openai-codex/{_MODEL}", "-p"),
    env={name: value for name, value in PI.env.items() if "KEY" not in name},
    files={".pi/agent/auth.json": json.dumps({"openai-codex": _LOGIN})},
)
BASES = {"opencode": "/backend-api/codex", "pi": "/backend-api"}
"""Where ChatGPT is, as each of them names it."""

with_login = pytest.mark.parametrize("agent", [_OPENCODE, _PI], indirect=True, ids=["opencode", "pi"])


def _configure(stage: Stage, agent: RealAgent, providers: simulator.Process) -> None:
    stage.configure(f'[providers.chatgpt]\nbase_url = "{providers.url}{BASES[agent.name]}"\n')


@with_login
def test_all_goes_to_chatgpt_and_nothing_to_openai(
    stage: Stage, agent: RealAgent, providers: simulator.Process
) -> None:
    _configure(stage, agent, providers)
    done = stage.run("look around [sim:tool]")
    assert (done.returncode, "simulated-step-1" in shown(done)) == (0, True), done
    assert {one.path for one in providers.requests()} == {"/backend-api/codex/responses"}
    assert calls(stage.bill()) == 2 + agent.extra
    assert stage.ledger() == stage.bill()
    total = stage.installation.json("report")["total"]
    assert (total["cost_nanos"], total["notional_nanos"]) == (0, providers.bill().total_nanos)
    assert stage.secrets(TOKEN, "planted-refresh") == []


@with_login
def test_a_refusal_is_shown(stage: Stage, agent: RealAgent, providers: simulator.Process) -> None:
    _configure(stage, agent, providers)
    done = stage.run("say hello", "--budget", "0", "--yes")
    assert done.returncode == agent.stopped, done
    assert NOTHING_ALLOWED in shown(done)
    assert stage.bill() == {}
    assert 1 <= stage.refused() <= agent.attempts
