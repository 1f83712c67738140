"""docs/importers.md says of agents' logs what their modules say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.agents.logs import LOGS
from tokenguard.agents.logs.shape import Places
from tools.document_importers import PAGE, page, rules, table


def test_what_the_modules_say_is_written() -> None:
    assert PAGE.read_text("utf-8") == page(), "stale: run make agents"


def test_every_agent_has_a_row_with_its_files() -> None:
    rows = table().splitlines()[2:]
    assert len(rows) == len(LOGS)
    assert "| Gemini CLI | `~/.gemini/tmp/*/chats/**/*.jsonl` " in "\n".join(rows)
    assert all("`~/" in row or "`PROJECT/" in row for row in rows)
    assert "`QWEN_HOME` `QWEN_RUNTIME_DIR`" in "\n".join(rows)


@pytest.mark.parametrize("name", LOGS)
def test_every_module_says_how_its_counters_are_meant(name: str) -> None:
    text = "\n".join(rules(LOGS[name]))
    if "The rules are those of" not in text:
        assert "cumulative" in text or "sums" in text
        assert "overlap" in text.lower()
        assert "key" in text.lower()


@pytest.mark.parametrize("name", LOGS)
def test_without_variables_everything_is_below_the_home_or_a_project(name: str) -> None:
    home, project = Path("/home/ada"), Path("/srv/web")
    for source in LOGS[name].sources(Places({}, home, (project,))):
        assert source.root.is_relative_to(home) or source.root.is_relative_to(project)
