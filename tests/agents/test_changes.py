"""Requests that are changed so that they fit: another model, a lower output limit. Agents and providers take them."""

from __future__ import annotations

import pytest

from tests.agents.roster import CLAUDE
from tests.agents.stage import STOPPED, Stage, calls, shown
from tokenguard import simulator

pytestmark = pytest.mark.real_agents


def clamp(model: str, limit: int) -> str:
    """A strict budget of so many tokens of a model's output, which makes do with shorter answers."""
    return (
        f'[[budget]]\nname = "words"\nmatch = {{ model = "{model}" }}\nlimit = "{limit} tokens"\n'
        'bucket = "output"\nwindow = "day"\nmode = "strict"\nclamp = true\n'
    )


def limits(providers: simulator.Process, model: str) -> list[int]:
    """The output limits of the requests to a model."""
    seen = providers.requests()
    return [one.max_output for one in seen if one.max_output is not None and one.model == model]


def left(providers: simulator.Process, model: str, limit: int) -> list[int]:
    """What was left of a limit before each of the calls of a model, warm-ups apart."""
    found: list[int] = []
    for call in providers.bill().calls:
        if call.usage.output and call.model.startswith(model):
            found.append(limit)
            limit -= call.usage.output
    return found


@pytest.mark.needs("tools", "downgrade")
def test_another_model_serves_when_a_budget_is_used_up(stage: Stage) -> None:
    asked, cheaper = stage.agent.model, stage.agent.cheaper
    stage.configure(
        f'[[budget]]\nname = "dear"\nmatch = {{ model = "{asked}" }}\nlimit = "2 calls"\nwindow = "day"\n'
        f'at_limit = "downgrade"\ndowngrade = {{ "{asked[:6]}*" = "{cheaper}" }}\n'
    )
    done = stage.run("look around [sim:turns=3]")
    assert (done.returncode, "simulated-step-3" in shown(done)) == (0, True), done
    made = [one for one in stage.models() if asked in one]
    count = len(made)
    assert made == [(None, asked)] * 2 + [(asked, cheaper)] * (count - 2)
    assert count >= 4
    assert any(model.startswith(cheaper) or model in cheaper for model in stage.bill())
    assert stage.bill()[stage.agent.served].calls == 2
    assert set(stage.remarks()) == {f"the budget dear cannot take {asked}; {cheaper} serves in its place"}
    assert stage.asked() == calls(stage.bill()) == 4 + stage.agent.extra
    assert stage.ledger() == stage.bill()


@pytest.mark.needs("tools", "clamp")
def test_answers_are_limited_to_what_is_left(stage: Stage, providers: simulator.Process) -> None:
    stage.configure(clamp(stage.agent.model, 20_000))
    done = stage.run("look around [sim:turns=2]")
    assert (done.returncode, "simulated-step-2" in shown(done)) == (0, True), done
    assert limits(providers, stage.agent.model) == left(providers, stage.agent.served, 20_000)
    assert stage.refused() == 0
    assert calls(stage.bill()) == 3 + stage.agent.extra
    assert stage.ledger() == stage.bill()


@pytest.mark.needs("clamp")
def test_no_limit_is_put_in_that_no_model_takes(stage: Stage) -> None:
    stage.configure(clamp(stage.agent.model, 900_000))
    done = stage.run("say hello")
    assert (done.returncode, "Here is the answer:" in shown(done)) == (0, True), done
    assert stage.ledger() == stage.bill()


@pytest.mark.parametrize("agent", [CLAUDE], indirect=True, ids=["claude"])
def test_thinking_keeps_its_room(stage: Stage, providers: simulator.Process) -> None:
    """Anthropic takes no limit that is not above the budget for thinking: rather than that, a call is refused."""
    model = "claude-sonnet-4-5"
    env = {"ANTHROPIC_MODEL": model, "MAX_THINKING_TOKENS": "8000"}
    stage.configure(clamp(model, 12_000))
    done = stage.run("look around [sim:tool]", **env)
    assert (done.returncode, "simulated-step-1" in shown(done)) == (0, True), done
    assert limits(providers, model) == left(providers, model, 12_000)
    assert all(call.usage.reasoning for call in providers.bill().calls)
    assert stage.ledger() == stage.bill()

    spent = sum(call.usage.output for call in providers.bill().calls)
    stage.installation("daemon", "stop")
    stage.configure(clamp(model, spent + 8_000))
    done = stage.run("say hello", **env)
    assert done.returncode == stage.agent.stopped, done
    assert STOPPED in shown(done)
    assert (stage.refused(), calls(stage.bill())) == (1, 2)
    assert stage.ledger() == stage.bill()
