"""README.md and docs/agents.md say of the agents what their modules say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.agents import AGENTS
from tools.document_agents import pages, table

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("page", ["README.md", "docs/agents.md"])
def test_what_the_modules_say_is_written(page: str) -> None:
    assert (ROOT / page).read_text("utf-8") == pages()[page], "stale: run make agents"


def test_every_agent_has_a_row_with_what_is_not_covered() -> None:
    rows = [line.split(" | ") for line in table().splitlines()[2:]]
    assert len(rows) == len(AGENTS) + 1
    for agent, row in zip(AGENTS.values(), rows, strict=False):
        assert row[0] == f"| {agent.TITLE} ({', '.join(f'`{command}`' for command in agent.COMMANDS)})"
        assert row[1] == agent.GUARDED
        assert all(text in row[2] for text in agent.NOT_COVERED)
