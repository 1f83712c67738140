"""What attempts mean, and what to do about it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from tokenguard.agents import Agent, codex
from tokenguard.cli.agents import diagnosis
from tokenguard.cli.agents.trying import Attempt
from tokenguard.cli.findings import Finding

WELL = Attempt(ran=True, exit_code=0, seconds=2.0, output="hello\n", calls=2, refused=0, billed=2, hosts=())
NOTHING = replace(WELL, calls=0, billed=0, exit_code=1, seconds=1.0)
STOPPED = replace(NOTHING, refused=1, output="│ API Error: 402 tokenguard  │\n│ stopped this request: no │")


def the_only(found: Any) -> Finding:
    (finding,) = found
    return cast("Finding", finding)


def test_all_is_well() -> None:
    assert [(one.check, one.state, one.detail) for one in diagnosis.of_answer(codex, WELL)] == [
        ("answer", "ok", "it ended with exit code 0 after 2.0 s"),
        ("metered", "ok", "2 calls, as the simulated provider has billed"),
    ]
    refusal = diagnosis.of_refusal(STOPPED)
    assert (refusal.state, refusal.detail) == ("ok", "it stops after 1 request with exit code 1, and shows why")


@pytest.mark.parametrize(
    ("changes", "detail", "remedy"),
    [
        (
            {"output": "Not logged in. Run: codex login"},
            "it asks for a login. It said: Not logged in. Run: codex login",
            codex.LOGIN,
        ),
        (
            {"output": "error: unexpected argument '--skip-git-repo-check' found\n\nUsage: codex\n"},
            "it does not know an argument, so it is of another version than is known here. It said: error: unexpected "
            "argument '--skip-git-repo-check' found",
            f"update it: {codex.INSTALL}",
        ),
        (
            {"exit_code": 127, "output": "Error: Cannot find module 'x'\n    at y\nNode.js v22.1.0"},
            "it crashed at start, with exit code 127. It said: Error: Cannot find module 'x'",
            f"start it by itself; if it crashes there too, install it anew: {codex.INSTALL}",
        ),
        (
            {"exit_code": -11, "output": ""},
            "it crashed at start, with exit code -11",
            f"start it by itself; if it crashes there too, install it anew: {codex.INSTALL}",
        ),
        (
            {"exit_code": None, "seconds": 90.0, "output": "> "},
            "it made no call, and had not ended after 90 s: it waits for a person. It said: >",
            f"{codex.LOGIN}; or say how it answers one prompt and ends: tokenguard agents check codex -- ARGUMENTS",
        ),
        (
            {"ran": False, "exit_code": 3, "output": "tokenguard: the disk is full; make room"},
            "tokenguard run could not start it. It said: tokenguard: the disk is full; make room",
            "tokenguard doctor checks the installation",
        ),
        (
            {"hosts": ("api.openai.com",), "output": "retrying"},
            "its calls go past tokenguard: it asked for api.openai.com. It said: retrying",
            "what is not covered of it: tokenguard agents list",
        ),
        (
            {"exit_code": 0, "output": "usage: codex PROMPT"},
            "it made no call, and ended with exit code 0. It said: usage: codex PROMPT",
            "say how it answers one prompt and ends: tokenguard agents check codex -- ARGUMENTS",
        ),
        (
            {"seconds": 30.0, "output": "gave up"},
            "it made no call, and ended with exit code 1. It said: gave up",
            "say how it answers one prompt and ends: tokenguard agents check codex -- ARGUMENTS",
        ),
    ],
)
def test_why_no_call_came_through(changes: dict[str, Any], detail: str, remedy: str) -> None:
    finding = the_only(diagnosis.of_answer(codex, replace(NOTHING, **changes)))
    assert (finding.check, finding.state, finding.detail, finding.remedy) == ("answer", "fail", detail, remedy)


def test_an_answer_that_was_not_taken() -> None:
    failed, metered = diagnosis.of_answer(codex, replace(WELL, exit_code=2, output="cannot read the answer"))
    assert (failed.state, metered.state) == ("fail", "ok")
    assert failed.detail == "it got an answer, and ended with exit code 2. It said: cannot read the answer"
    late, _ = diagnosis.of_answer(codex, replace(WELL, exit_code=None, seconds=90.0, output=""))
    assert (late.state, late.detail) == ("fail", "it got an answer, and had not ended after 90 s")


def test_a_call_that_was_not_metered() -> None:
    _, metered = diagnosis.of_answer(codex, replace(WELL, billed=3))
    assert (metered.state, metered.detail) == ("fail", "2 calls metered, 3 billed by the simulated provider")


def test_others_that_were_asked_for() -> None:
    *_, elsewhere = diagnosis.of_answer(codex, replace(WELL, hosts=("a.example", "b.example")))
    assert (elsewhere.check, elsewhere.state) == ("elsewhere", "warn")
    assert elsewhere.detail == "it also asked for a.example, b.example"


@pytest.mark.parametrize(
    ("changes", "state", "detail"),
    [
        ({"billed": 1}, "fail", "1 call came through all the same"),
        ({"refused": 0, "output": ""}, "fail", "it made no call this time"),
        ({"refused": 7}, "fail", "it does not stop: 7 requests in 1 s"),
        ({"exit_code": None, "seconds": 90.0}, "fail", "it does not stop: 1 request in 90 s"),
        (
            {"output": "Failed to authenticate", "exit_code": 0},
            "warn",
            "it stops after 1 request with exit code 0, and does not show why. It said: Failed to authenticate",
        ),
    ],
)
def test_refusals_that_do_not_work(changes: dict[str, Any], state: str, detail: str) -> None:
    finding = diagnosis.of_refusal(replace(STOPPED, **changes))
    assert (finding.state, finding.detail) == (state, detail)
    assert finding.remedy


@pytest.mark.parametrize(("version", "state"), [("1.9.9", "fail"), ("2.0.0", "ok"), (None, "ok")])
def test_too_old(version: str | None, state: str) -> None:
    agent = cast("Agent", SimpleNamespace(TITLE="Mine", MINIMUM="2.0", INSTALL="install it with x"))
    finding = diagnosis.of_version(agent, "/bin/mine", version)
    assert finding.state == state
    assert finding.remedy == ("update it: install it with x" if state == "fail" else "")
