"""What continuous integration runs of the real agents; `make test-agents AGENTS=all` runs the rest too."""

from __future__ import annotations

from collections.abc import Sequence

WHOLE = ("claude", "codex", "codex-http", "gemini")
"""Agents of whom it runs every scenario: those that most people use, in the three dialects in which most is special."""

BRIEF = ("opencode", "qwen", "pi", "continue", "copilot-chat", "kimi-code", "llm")
"""Agents of whom it runs a few: those that are quickly installed, each as its users mostly have it."""

FEW = ("test_a_plain_answer", "test_tools", "test_a_refusal_at_the_first_turn")
"""These few."""

FAST, ALL = "fast", "all"


def check(option: str, names: Sequence[str]) -> None:
    """Raises `ValueError` unless `--agents` is `fast`, `all`, or names of agents with commas between."""
    unknown = set(option.split(",")) - {*names, FAST, ALL}
    if unknown:
        raise ValueError(f"--agents: no {', '.join(sorted(unknown))}; there are {FAST}, {ALL}, {', '.join(names)}")


def runs(option: str, agent: str, module: str, test: str) -> bool:
    """Whether a test of an agent runs; `module` and `test` are the names of the file and of the function."""
    if option == FAST:
        return agent in WHOLE or (agent in BRIEF and module == "test_real_agents" and test in FEW)
    return option == ALL or agent in option.split(",")
