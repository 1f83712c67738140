"""What an agent's attempts mean: what is well, what is not, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenguard.agents import Agent
from tokenguard.agents.versions import is_older
from tokenguard.cli.agents.trying import Attempt
from tokenguard.cli.findings import Finding, fail, ok, warn
from tokenguard.cli.output import counted

REFUSAL = "tokenguard stopped this request"

_LOGIN = re.compile(
    r"\b(log[ -]?in|logged out|sign[ -]?in|api[ _-]?keys?|authenticat\w*|unauthori[sz]ed|credentials?)\b", re.IGNORECASE
)
_STRANGE_OPTION = re.compile(
    r"(unknown|unexpected|unrecogni[sz]ed|invalid|no such) (option|argument|arguments|flag|command)", re.IGNORECASE
)
_WRONG = re.compile(r"error|cannot|can't|could not|fail|not found|unknown|invalid|missing|must", re.IGNORECASE)
_AT_START_S = 20.0
_MOST_REQUESTS = 2
"""Requests that an agent may send for a refused call, its router's among them."""
_LONGEST = 200
_FRAME = re.compile(r"[\u2500-\u257f|]")
"""Lines around boxes, which break sentences."""


def of_version(agent: Agent, path: str, version: str | None) -> Finding:
    """Whether it is new enough."""
    what = f"{agent.TITLE} {version or '(it does not tell its version)'}, {path}"
    if version and agent.MINIMUM and is_older(version, agent.MINIMUM):
        return fail(
            "version", f"{what}: before {agent.MINIMUM}, its calls do not come here", f"update it: {agent.INSTALL}"
        )
    return ok("version", what)


def of_answer(agent: Agent, attempt: Attempt) -> Iterator[Finding]:
    """Whether it came through: the call was made here, metered, and answered."""
    if attempt.calls == 0:
        yield _no_call(agent, attempt)
        return
    if attempt.exit_code is None:
        yield fail(
            "answer",
            f"it got an answer, and had not ended after {attempt.seconds:.0f} s{_last(attempt)}",
            _arguments(agent),
        )
    elif attempt.exit_code:
        code = f"it got an answer, and ended with exit code {attempt.exit_code}{_last(attempt)}"
        yield fail(
            "answer", code, f"start {agent.COMMANDS[0] if agent.COMMANDS else 'it'} by itself, and see what it lacks"
        )
    else:
        yield ok("answer", f"it ended with exit code 0 after {attempt.seconds:.1f} s")
    if attempt.calls == attempt.billed:
        yield ok("metered", f"{counted(attempt.calls, 'call')}, as the simulated provider has billed")
    else:
        text = f"{counted(attempt.calls, 'call')} metered, {attempt.billed} billed by the simulated provider"
        yield fail("metered", text, "please report it, with the agent's version")
    if attempt.hosts:
        yield warn(
            "elsewhere",
            f"it also asked for {', '.join(attempt.hosts)}",
            "what it tells others than its providers is not guarded",
        )


def _no_call(agent: Agent, attempt: Attempt) -> Finding:
    """Why no call came through, as far as that shows."""
    last = _last(attempt)
    if not attempt.ran:
        return fail("answer", f"tokenguard run could not start it{last}", "tokenguard doctor checks the installation")
    if attempt.hosts:
        text = f"its calls go past tokenguard: it asked for {', '.join(attempt.hosts)}{last}"
        return fail("answer", text, "what is not covered of it: tokenguard agents list")
    if attempt.exit_code is None:
        text = f"it made no call, and had not ended after {attempt.seconds:.0f} s: it waits for a person{last}"
        return fail("answer", text, f"{agent.LOGIN}; or {_arguments(agent)}")
    if _STRANGE_OPTION.search(attempt.output):
        text = f"it does not know an argument, so it is of another version than is known here{last}"
        return fail("answer", text, f"update it: {agent.INSTALL}")
    if attempt.exit_code and _LOGIN.search(attempt.output):
        return fail("answer", f"it asks for a login{last}", agent.LOGIN)
    if attempt.exit_code and attempt.seconds < _AT_START_S:
        text = f"it crashed at start, with exit code {attempt.exit_code}{last}"
        return fail("answer", text, f"start it by itself; if it crashes there too, install it anew: {agent.INSTALL}")
    text = f"it made no call, and ended with exit code {attempt.exit_code}{last}"
    return fail("answer", text, _arguments(agent))


def of_refusal(attempt: Attempt) -> Finding:
    """Whether it stops at a refusal and shows why."""
    requests = f"{counted(attempt.refused, 'request')}"
    shown = REFUSAL in " ".join(_FRAME.sub(" ", attempt.output).split())
    if attempt.billed:
        return fail("refusal", f"{counted(attempt.billed, 'call')} came through all the same", "please report it")
    if attempt.refused == 0:
        return fail("refusal", f"it made no call this time{_last(attempt)}", "try again")
    if attempt.exit_code is None or attempt.refused > _MOST_REQUESTS:
        text = f"it does not stop: {requests} in {attempt.seconds:.0f} s"
        return fail("refusal", text, "set another refusal in [agents.NAME] of config.toml: 400, 402 or 403")
    if not shown:
        text = f"it stops after {requests} with exit code {attempt.exit_code}, and does not show why{_last(attempt)}"
        return warn("refusal", text, "tokenguard status shows it; another refusal in [agents.NAME] may be shown")
    return ok("refusal", f"it stops after {requests} with exit code {attempt.exit_code}, and shows why")


def _arguments(agent: Agent) -> str:
    return f"say how it answers one prompt and ends: tokenguard agents check {agent.NAME} -- ARGUMENTS"


def _last(attempt: Attempt) -> str:
    """The last line that tells of something wrong, else the last one, to stand at the end of a sentence."""
    lines = [line.strip() for line in attempt.output.splitlines() if line.strip()]
    wrong = [line for line in lines if _WRONG.search(line)]
    return f". It said: {(wrong or lines)[-1][:_LONGEST]}" if lines else ""
