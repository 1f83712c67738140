"""What the roster of real agents promises, without running any."""

from __future__ import annotations

import re

import pytest

from tests.agents.listing import PAGE, page
from tests.agents.roster import ROSTER, RealAgent
from tests.agents.subset import ALL, BRIEF, FAST, FEW, WHOLE, check, runs
from tokenguard.agents import AGENTS

NAMES = [agent.name for agent in ROSTER]


@pytest.mark.parametrize("one", ROSTER, ids=NAMES)
def test_each_says_how_or_why_not(one: RealAgent) -> None:
    assert (one.elsewhere is None) == ("elsewhere" in one.lacks)
    assert (one.sub_agent is None) == ("sub-agents" in one.lacks)
    assert all(why for why in one.lacks.values())
    pinned = r"npm:(@[\w-]+/)?[\w-]+@[\d.]+|pypi(3\.\d+)?:[\w-]+==[\d.]+( [\w-]+==[\d.]+)*"
    assert re.fullmatch(pinned, one.package)


def test_every_agent_that_has_a_recipe_is_tried() -> None:
    assert {agent.in_ledger for agent in ROSTER} == set(AGENTS)
    assert len(set(NAMES)) == len(NAMES)


def test_the_subset_names_what_there_is() -> None:
    assert set(WHOLE) | set(BRIEF) <= set(NAMES) and not set(WHOLE) & set(BRIEF)
    assert all(runs(FAST, name, "test_real_agents", test) for name in (*WHOLE, *BRIEF) for test in FEW)
    assert runs(FAST, "claude", "test_holds", "test_x") and not runs(FAST, "pi", "test_holds", "test_x")
    assert all(runs(ALL, name, "test_holds", "test_x") for name in NAMES)
    assert runs("pi,llm", "pi", "test_holds", "test_x") and not runs("pi,llm", "claude", "test_holds", "test_x")
    for option in (FAST, ALL, "pi", "pi,llm"):
        check(option, NAMES)
    with pytest.raises(ValueError, match="no nobody; there are fast, all, claude"):
        check("pi,nobody", NAMES)


def test_what_is_left_out_is_written_down() -> None:
    assert PAGE.read_text("utf-8") == page(), "stale: run make agents"
