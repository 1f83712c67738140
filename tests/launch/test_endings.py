"""What stands last when a run came to nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.launch.support import SUMMARY
from tokenguard.agents import Agent, codex, generic
from tokenguard.launch.endings import remarks

NOTHING: dict[str, Any] = {**SUMMARY, "calls": 0, "refused": 0, "unauthorized": 0, "guests": []}


def told(agent: Agent, code: int, seconds: float, summary: dict[str, Any]) -> str | None:
    """The only remark; None if there is none."""
    found = list(remarks(agent, code, seconds, summary))
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("code", "how"), [(1, "exit code 1"), (127, "exit code 127"), (-11, "SIGSEGV"), (-9, "SIGKILL")]
)
def test_an_agent_that_fails_to_start(code: int, how: str) -> None:
    assert told(codex, code, 0.44, NOTHING) == (
        f"no call of Codex came through: it ended after 0.4 s with {how}. See what it says above; if it asks for a "
        f"login: {codex.LOGIN}. To try it out: tokenguard agents check codex"
    )


@pytest.mark.parametrize(
    ("code", "seconds", "changes"),
    [
        (0, 0.4, {}),
        (1, 20.5, {}),
        (130, 0.4, {}),
        (-2, 0.4, {}),
        (-15, 0.4, {}),
        (1, 0.4, {"calls": 1}),
        (1, 0.4, {"refused": 1}),
    ],
)
def test_all_others_have_worked_or_were_ended(code: int, seconds: float, changes: dict[str, int]) -> None:
    assert told(codex, code, seconds, NOTHING | changes) is None


def test_nobody_knows_whether_a_command_should_have_called() -> None:
    assert told(generic, 1, 0.4, NOTHING) is None


def test_a_command_is_called_by_its_name() -> None:
    summary = NOTHING | {"calls": 1, "unauthorized": 1, "agent": "mycoder"}
    said = told(generic, 1, 60.0, summary)
    assert said == f"the provider did not take the key or login of mycoder (401): {generic.LOGIN}"


@pytest.mark.parametrize(("times", "said"), [(1, "401"), (3, "401, 3 times")])
def test_a_key_that_is_not_taken(times: int, said: str) -> None:
    summary = NOTHING | {"calls": 4, "unauthorized": times}
    assert told(codex, 1, 60.0, summary) == (
        f"the provider did not take the key or login of Codex ({said}): {codex.LOGIN}"
    )


@pytest.mark.parametrize(("guests", "said"), [(["gemini"], "gemini"), (["claude", "gemini"], "claude and gemini")])
def test_others_that_had_the_token(guests: list[str], said: str) -> None:
    summary = NOTHING | {"calls": 4, "guests": guests}
    assert told(codex, 0, 60.0, summary) == f"{said} made calls with the token of this run: they count here"
    assert len(list(remarks(codex, 1, 60.0, summary | {"unauthorized": 1}))) == 2
