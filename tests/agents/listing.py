"""Which real agents are tried, and what is left out of that: `python -m tests.agents.listing` writes it down."""

from __future__ import annotations

import re
from pathlib import Path

from tests.agents.roster import ROSTER, RealAgent
from tests.agents.subset import BRIEF, WHOLE

PAGE = Path(__file__).parents[2] / "docs" / "real-agents.md"

_MARKED = re.compile(r"(?<=<!-- roster: make agents writes this -->\n).*?(?=<!-- end of roster -->)", re.DOTALL)


def page() -> str:
    """The page as it should be."""
    filled, times = _MARKED.subn(lambda _: f"\n{_table()}\n", PAGE.read_text("utf-8"))
    assert times == 1, "there are no marks between which the table is written"
    return filled


def _table() -> str:
    rows = ["| tests | agent | in CI | left out, and why |", "|---|---|---|---|"]
    rows += [f"| `{one.name}` | {_package(one)} | {_in_ci(one)} | {_left_out(one)} |" for one in ROSTER]
    return "\n".join(rows) + "\n"


def _package(agent: RealAgent) -> str:
    return ", ".join(
        name.lstrip("@").replace("==", " ").replace("@", " ") for name in agent.package.partition(":")[2].split()
    )


def _in_ci(agent: RealAgent) -> str:
    return "all" if agent.name in WHOLE else "a few" if agent.name in BRIEF else ""


def _left_out(agent: RealAgent) -> str:
    reasons: dict[str, list[str]] = {}
    for ability, why in agent.lacks.items():
        reasons.setdefault(why, []).append(ability)
    return "; ".join(f"{', '.join(abilities)}: {why}" for why, abilities in reasons.items())


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
