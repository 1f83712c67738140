"""Write what the modules of the agents say into README.md and docs/agents.md, between two marks: `make agents`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tokenguard.agents import AGENTS, Agent, generic
from tokenguard.wire.shape import Refusal

ROOT = Path(__file__).parent.parent

_MARKED = re.compile(r"(?<=<!-- agents: make agents writes this -->\n).*?(?=<!-- end of agents -->)", re.DOTALL)

_AGENTS: tuple[Agent, ...] = (*AGENTS.values(), generic)


def main() -> None:
    """Write both."""
    for name, text in pages().items():
        (ROOT / name).write_text(text, "utf-8")


def pages() -> dict[str, str]:
    """The files as they should be."""
    return {name: _filled(name, text) for name, text in (("README.md", table()), ("docs/agents.md", sections()))}


def table() -> str:
    """A row for each agent."""
    rows = ["| agent | guarded by | not covered | waits |", "|---|---|---|---|"]
    rows += [f"| {_name(one)} | {one.GUARDED} | {'; '.join(one.NOT_COVERED)} | {waits(one)} |" for one in _AGENTS]
    return "\n".join(rows) + "\n"


def sections() -> str:
    """A section for each agent."""
    return "\n".join(f"### {_heading(one)}\n\n{chr(10).join(_facts(one))}\n" for one in _AGENTS)


def waits(agent: Agent) -> str:
    """For how long a call of it may be held."""
    seconds = agent.HOLD_SECONDS
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


def _heading(agent: Agent) -> str:
    return agent.TITLE if agent.COMMANDS else agent.TITLE.capitalize()


def _facts(agent: Agent) -> Iterator[str]:
    command = agent.COMMANDS[0] if agent.COMMANDS else "COMMAND"
    yield f"- started with: `tokenguard run {command}`"
    yield f"- guarded by: {agent.GUARDED}"
    yield f"- not covered: {'; '.join(agent.NOT_COVERED) or 'nothing that is known of'}"
    yield f"- refused with: {_refused(agent)}"
    yield f"- a call is held for up to: {waits(agent)}"
    yield f"- leaves running: {agent.LEAVES or 'nothing'}"
    if agent.COMMANDS:
        yield f"- its key or account: {agent.LOGIN}"
        yield f"- to get it: {agent.INSTALL}{f'; version {agent.MINIMUM} or later' if agent.MINIMUM else ''}"


def _refused(agent: Agent) -> str:
    """Status and form of a refusal, where they are not those of the provider's own errors."""
    own = [answer for name in agent.DIALECTS if (answer := agent.refuse(name, "")) is not None]
    told = [f"HTTP {answer.status}{_form(answer)}" for answer in own]
    return ", ".join(dict.fromkeys(told)) or "HTTP 400, in the form of the provider's errors"


def _form(answer: Refusal) -> str:
    if not answer.content_type.startswith("application/json"):
        return " in plain text"
    return f" `{json.loads(answer.body)['error']['type']}`"


def _name(agent: Agent) -> str:
    commands = ", ".join(f"`{command}`" for command in agent.COMMANDS)
    return f"{agent.TITLE} ({commands})" if commands else agent.TITLE


def _filled(name: str, text: str) -> str:
    page = (ROOT / name).read_text("utf-8")
    filled, times = _MARKED.subn(lambda _: f"\n{text}\n", page)
    if times != 1:
        raise SystemExit(f"{name} has no marks between which agents are written")
    return filled


if __name__ == "__main__":
    main()
