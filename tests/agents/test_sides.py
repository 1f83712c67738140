"""What real agents say of their calls: what they are for, and which sub-agent makes them."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import Any

import pytest
from msgspec.structs import replace

from tests.agents.roster import CLAUDE, CODEX, CODEX_HTTP, GEMINI, OPENCODE
from tests.agents.stage import Stage
from tests.support.waiting import until
from tokenguard.ledger import queries

pytestmark = pytest.mark.real_agents


class Said:
    """The ledger's rows of one run."""

    def __init__(self, stage: Stage) -> None:
        with closing(queries.connect_readonly(stage.installation.home / "ledger.db")) as ledger:
            columns = "request_class, agent_session, subagent, subagent_type, cost_nanos"
            self.rows: list[tuple[Any, ...]] = ledger.execute(f"SELECT {columns} FROM calls ORDER BY id").fetchall()

    @property
    def classes(self) -> Counter[str]:
        return Counter(row[0] for row in self.rows)

    @property
    def sessions(self) -> set[str | None]:
        """The agent's own ids."""
        return {row[1] for row in self.rows}

    @property
    def subagents(self) -> set[tuple[str, str | None, str | None]]:
        """(class, id, kind) of what was not asked by the agent itself."""
        return {(row[0], row[2], row[3]) for row in self.rows if row[2] is not None}


@pytest.mark.parametrize(
    ("agent", "kind", "told"),
    [
        pytest.param(CLAUDE, "Explore", "Explore", id="claude"),
        pytest.param(CODEX, "any", "collab_spawn", id="codex"),
        pytest.param(CODEX_HTTP, "any", "collab_spawn", id="codex-http"),
        pytest.param(OPENCODE, "general", None, id="opencode"),
    ],
    indirect=["agent"],
)
def test_sub_agents_stand_by_the_session_that_started_them(stage: Stage, kind: str, told: str | None) -> None:
    # Codex does not wait for its sub-agents, and breaks off what they ask when it ends.
    done = stage.run(f"say hello [sim:delegate={kind}][sim:slow=20ms]")
    assert done.returncode == 0, done
    until(lambda: stage.open() == 0)
    said = Said(stage)
    ((request_class, subagent, subagent_type),) = said.subagents
    assert (request_class, subagent_type) == ("sub-agent", told)
    assert subagent and said.classes["main"] >= 2 and said.classes["sub-agent"] >= 1
    (session,) = said.sessions
    assert session and session != subagent
    rows = {row["sub-agent"]: row for row in stage.installation.json("report", "--by", "sub-agent")["rows"]}
    assert set(rows) == {None, told or subagent}
    assert rows[told or subagent]["calls"] == said.classes["sub-agent"]
    # On a busy machine Codex, and nobody else, ends before its sub-agents do.
    assert stage.holds_the_bill() if stage.agent.name.startswith("codex") else stage.ledger() == stage.bill()


@pytest.mark.parametrize("agent", [OPENCODE], indirect=True, ids=["opencode"])
def test_a_title_is_no_turn(stage: Stage) -> None:
    assert stage.run("say hello").returncode == 0
    assert Said(stage).classes == {"title": 1, "main": 1}


@pytest.mark.parametrize("agent", [GEMINI], indirect=True, ids=["gemini"])
def test_a_router_is_no_turn(stage: Stage) -> None:
    assert stage.run("say hello").returncode == 0
    assert Said(stage).classes == {"router": 1, "main": 1}


_SHORT = (*CODEX.after, "-c", "model_auto_compact_token_limit=3000")
"""So little that a conversation is too long at its second turn."""


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param(replace(CODEX, after=_SHORT), id="codex"),
        pytest.param(replace(CODEX_HTTP, after=_SHORT), id="codex-http"),
    ],
    indirect=True,
)
def test_a_compaction_is_no_turn(stage: Stage) -> None:
    """The simulator does not compact, and Codex gives up."""
    stage.run("look around [sim:turns=3]")
    said = Said(stage)
    assert said.classes["compaction"] >= 1 and said.classes["main"] >= 1
    assert said.subagents == set()
