from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.agents import AGENTS
from tokenguard.cli.known import known_agents


def write(home: Path, text: str) -> None:
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(text)


def test_those_of_the_user_are_known(home: Path) -> None:
    write(home, '[agents.mine]\ncommands = ["mycoder"]\n')
    known = known_agents()
    assert [*known.all] == [*AGENTS, "mine"] and "mycoder" in known.commands


@pytest.mark.parametrize("broken", ["[agents.mine", '[agents.mine]\nextends = "nobody"\n', "[agents]\nmine = 5\n"])
def test_a_broken_configuration_takes_none_away(home: Path, broken: str) -> None:
    write(home, broken)
    assert list(known_agents().all) == list(AGENTS)
