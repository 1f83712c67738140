"""Runs that came to nothing: what stands last then, so that a person knows where to look."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from tokenguard.agents import Agent

AT_START_S = 20.0
"""Seconds within which an agent that ends with an error, and has called nobody, has failed to start; on a slow machine
some take ten of them to say that they want a login."""

_CRASHES = {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGKILL, signal.SIGSEGV, signal.SIGTRAP}
"""Signals that nobody at a terminal sends."""


def told(agent: Agent, code: int, seconds: float, summary: Mapping[str, Any]) -> str | None:
    """Why there was no answer, as far as that shows; None if all is well. `code` is negative for a signal.

    Of commands that are no known agents nobody knows whether they call anybody at all.
    """
    unauthorized = summary.get("unauthorized", 0)
    if unauthorized:
        times = "" if unauthorized == 1 else f", {unauthorized} times"
        title = agent.TITLE if agent.COMMANDS else summary["agent"]
        return f"the provider did not take the key or login of {title} (401{times}): {agent.LOGIN}"
    if not agent.COMMANDS or summary["calls"] or summary["refused"] or not _failed_at_start(code, seconds):
        return None
    how = f"exit code {code}" if code > 0 else signal.Signals(-code).name
    return (
        f"no call of {agent.TITLE} came through: it ended after {seconds:.1f} s with {how}. See what it says above; "
        f"if it asks for a login: {agent.LOGIN}. To try it out: tokenguard agents check {agent.NAME}"
    )


def _failed_at_start(code: int, seconds: float) -> bool:
    interrupted = code == 128 + signal.SIGINT
    return seconds < AT_START_S and ((code > 0 and not interrupted) or -code in _CRASHES)
