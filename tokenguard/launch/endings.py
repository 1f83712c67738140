"""What stands last when a run came to nothing, or was not alone, so that a person knows where to look."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from typing import Any

from tokenguard.agents import Agent

AT_START_S = 20.0
"""Seconds within which an agent that ends with an error, and has called nobody, has failed to start; on a slow machine
some take ten of them to say that they want a login."""

_CRASHES = {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGKILL, signal.SIGSEGV, signal.SIGTRAP}
"""Signals that nobody at a terminal sends."""


def remarks(agent: Agent, code: int, seconds: float, summary: Mapping[str, Any]) -> Iterator[str]:
    """What is to be known of a run beside its cost; nothing if all is well. `code` is negative for a signal."""
    if guests := summary.get("guests"):
        yield f"{' and '.join(guests)} made calls with the token of this run: they count here"
    if unauthorized := summary.get("unauthorized"):
        times = "" if unauthorized == 1 else f", {unauthorized} times"
        title = agent.TITLE if agent.COMMANDS else summary["agent"]
        yield f"the provider did not take the key or login of {title} (401{times}): {agent.LOGIN}"
    # Of commands that are no known agents nobody knows whether they call anybody at all.
    elif agent.COMMANDS and not summary["calls"] and not summary["refused"] and _failed_at_start(code, seconds):
        how = f"exit code {code}" if code > 0 else signal.Signals(-code).name
        yield (
            f"no call of {agent.TITLE} came through: it ended after {seconds:.1f} s with {how}. See what it says "
            f"above; if it asks for a login: {agent.LOGIN}. To try it out: tokenguard agents check {agent.NAME}"
        )


def _failed_at_start(code: int, seconds: float) -> bool:
    interrupted = code == 128 + signal.SIGINT
    return seconds < AT_START_S and ((code > 0 and not interrupted) or -code in _CRASHES)
