"""The same agents against an upstream that we have not written: what its journal counts, the ledger holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.agents.independent import (
    ANSWER,
    OUTPUT_TOKENS,
    PACKAGE,
    PROMPT_TOKENS,
    Aimock,
    answering,
    calling,
    failing,
)
from tests.agents.stage import Stage, shown

pytestmark = [pytest.mark.real_agents, pytest.mark.needs("aimock"), pytest.mark.packages(PACKAGE)]

Start: TypeAlias = Callable[[list[dict[str, Any]]], Aimock]


@pytest.fixture
def start(stage: Stage, path: str, tmp_path: Path) -> Iterator[Start]:
    """Starts aimock with these fixtures, as the upstream of everything."""
    started: list[Aimock] = []

    def begin(fixtures: list[dict[str, Any]]) -> Aimock:
        started.append(Aimock(path, tmp_path, fixtures))
        stage.installation.configure(started[0].url)
        return started[0]

    yield begin
    for one in started:
        one.close()


def check(stage: Stage, upstream: Aimock) -> int:
    """That both sides count the same calls and tokens; how many calls."""
    asked = upstream.asked()
    assert set(asked) == {200}
    spent = stage.ledger()
    assert sum(model.calls for model in spent.values()) == len(asked) == stage.asked(), (spent, asked)
    assert {(model.input + model.cache_read, model.output) for model in spent.values()} == {
        (model.calls * PROMPT_TOKENS, model.calls * OUTPUT_TOKENS) for model in spent.values()
    }
    return len(asked)


def test_a_plain_answer(stage: Stage, start: Start) -> None:
    upstream = start(answering(stage.agent))
    done = stage.run("say hello")
    assert (done.returncode, ANSWER in shown(done)) == (0, True), done
    assert check(stage, upstream) == 1 + stage.agent.extra


@pytest.mark.needs("tools", "aimock-tools")
def test_a_tool_loop(stage: Stage, start: Start) -> None:
    upstream = start(calling(stage.agent))
    done = stage.run("look around")
    assert (done.returncode, ANSWER in shown(done)) == (0, True), done
    assert check(stage, upstream) == 2 + stage.agent.extra


def test_an_error(stage: Stage, start: Start) -> None:
    upstream = start(failing(400, "this model is not for you"))
    stage.run("say hello")
    asked, rows = upstream.asked(), stage.rows()
    assert set(asked) == {400}
    assert len(rows) == len(asked) == stage.asked()
    assert {(row.outcome, row.high) for row in rows} == {("refused-upstream", 0)}
