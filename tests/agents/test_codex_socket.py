"""Codex over its WebSocket: metered and refused turn by turn, with an API key and with a ChatGPT login."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from tests.agents.roster import CODEX, KEY, RealAgent
from tests.agents.stage import STOPPED, Stage, calls
from tests.agents.test_real_agents import NOTHING_ALLOWED
from tokenguard import simulator

pytestmark = pytest.mark.real_agents

LOGIN_PATH = "/backend-api/codex"


def _token() -> str:
    """What ChatGPT's log-in would give out, unsigned; it does not expire within this century."""
    account = {"chatgpt_plan_type": "pro", "chatgpt_account_id": "account-1", "chatgpt_user_id": "user-1"}
    claims = {"email": "a@example.com", "exp": 4_102_444_800, "https://api.openai.com/auth": account}
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)] + [b"planted-signature"]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


TOKEN = _token()
LOGGED_IN: RealAgent = replace(
    CODEX,
    env={},
    files={
        **CODEX.files,
        ".codex/auth.json": json.dumps(
            {
                "OPENAI_API_KEY": None,
                "tokens": {
                    "id_token": TOKEN,
                    "access_token": TOKEN,
                    "refresh_token": "planted-refresh",
                    "account_id": "account-1",
                },
                "last_refresh": datetime.now(UTC).isoformat(),
            }
        ),
    },
)

with_key = pytest.mark.parametrize("agent", [CODEX], indirect=True, ids=["key"])
with_login = pytest.mark.parametrize("agent", [LOGGED_IN], indirect=True, ids=["login"])


def turns(providers: simulator.Process) -> list[str]:
    """Paths of the turns that were asked for over a WebSocket; nothing may have been asked for in another way."""
    seen = [one for one in providers.requests() if not one.path.endswith("/models")]
    assert {one.method for one in seen} <= {"GET", "response.create"}
    return [one.path for one in seen if one.method == "response.create"]


@with_key
def test_an_answer_comes_over_the_socket(stage: Stage, providers: simulator.Process) -> None:
    done = stage.run("say hello, said the planted prompt")
    assert (done.returncode, done.stdout.strip().startswith("Here is the answer:")) == (0, True), done
    assert turns(providers) == ["/v1/responses"] * 2
    assert stage.ledger() == stage.bill()
    assert stage.secrets(KEY, "planted prompt", "Here is the answer") == []


@with_key
def test_tools_are_turns_of_one_conversation(stage: Stage, providers: simulator.Process) -> None:
    done = stage.run("look around [sim:turns=3]")
    assert (done.returncode, "simulated-step-3" in done.stdout) == (0, True), done
    assert len(turns(providers)) == 1 + 4
    assert sum(one.method == "GET" and one.path == "/v1/responses" for one in providers.requests()) == 1
    assert stage.ledger() == stage.bill()


@with_key
def test_a_strict_budget_lets_a_conversation_go_on(stage: Stage, providers: simulator.Process) -> None:
    stage.installation("budget", "set", "strict", "--limit", "1000", "--window", "day", "--mode", "strict")
    done = stage.run("look around [sim:turns=2]")
    assert (done.returncode, "simulated-step-2" in done.stdout) == (0, True), done
    assert len(turns(providers)) == 1 + 3
    assert stage.ledger() == stage.bill()


@with_key
def test_the_first_turn_is_refused_before_anybody_hears_of_it(stage: Stage, providers: simulator.Process) -> None:
    done = stage.run("say hello", "--budget", "0", "--yes")
    assert done.returncode == stage.agent.stopped, done
    assert NOTHING_ALLOWED in done.stdout + done.stderr
    assert turns(providers) == []
    assert stage.bill() == {}
    assert 1 <= stage.refused() <= 2


@with_key
def test_a_later_turn_is_refused_on_the_open_socket(stage: Stage, providers: simulator.Process) -> None:
    done = stage.run("look around [sim:turns=4]", "--budget", "3 calls")
    assert done.returncode == stage.agent.stopped, done
    assert f"{STOPPED}the session budget is used up" in done.stdout + done.stderr
    assert len(turns(providers)) == 3
    assert stage.ledger() == stage.bill()
    assert stage.refused() == 1


@with_key
def test_a_conversation_stays_with_the_model_that_a_budget_put_in_place(stage: Stage) -> None:
    """The dear one would fit if it found the conversation in its cache, but that is the other one's."""
    stage.configure(
        '[[budget]]\nname = "small"\nlimit = "$0.03"\nwindow = "day"\n'
        'at_limit = "downgrade"\ndowngrade = { "gpt-6.1-*" = "gpt-6-luna" }\n'
    )
    done = stage.run("look around [sim:turns=3]")
    assert (done.returncode, "simulated-step-3" in done.stdout) == (0, True), done
    assert stage.models() == [(None, CODEX.model), *[(CODEX.model, "gpt-6-luna")] * 4]
    assert stage.ledger() == stage.bill()
    assert sum(spent.nanos for spent in stage.bill().values()) <= 30_000_000


@with_key
def test_what_is_cut_is_charged_within_an_interval_and_sent_again(stage: Stage, providers: simulator.Process) -> None:
    stage.run("say hello [sim:cut]", "--budget", "4 calls")
    report = stage.installation.json("report")["total"]
    spent = sum(model.nanos for model in stage.bill().values())
    assert report["calls"] == calls(stage.bill()) == len(turns(providers)) == 4
    assert report["confidence"] == "estimated"
    assert report["cost_low_nanos"] <= spent <= report["cost_high_nanos"]


@with_login
def test_with_a_login_all_goes_to_chatgpt_and_nothing_to_openai(stage: Stage, providers: simulator.Process) -> None:
    stage.configure(f'[providers.chatgpt]\nbase_url = "{providers.url}{LOGIN_PATH}"\n')
    done = stage.run("look around [sim:tool]")
    assert (done.returncode, "simulated-step-1" in done.stdout) == (0, True), done
    assert turns(providers) == [f"{LOGIN_PATH}/responses"] * 3
    assert all(one.path.startswith(LOGIN_PATH) for one in providers.requests())
    assert calls(stage.ledger()) == calls(stage.bill()) == 3
    assert stage.ledger() == stage.bill()
    total = stage.installation.json("report")["total"]
    assert (total["cost_nanos"], total["notional_nanos"]) == (0, providers.bill().total_nanos)
    assert stage.secrets(TOKEN, "planted-refresh") == []


@with_login
def test_with_a_login_a_refusal_is_shown_too(stage: Stage, providers: simulator.Process) -> None:
    stage.configure(f'[providers.chatgpt]\nbase_url = "{providers.url}{LOGIN_PATH}"\n')
    done = stage.run("say hello", "--budget", "0", "--yes")
    assert done.returncode == stage.agent.stopped, done
    assert NOTHING_ALLOWED in done.stdout + done.stderr
    assert turns(providers) == []
