"""Which real agents and scenarios continuous integration runs; `make test-agents AGENTS=all` runs the others too."""

from __future__ import annotations

FAST_AGENTS = ("claude", "codex", "codex-http", "gemini")
"""Whose every scenario is run."""


def chosen(option: str, names: list[str]) -> set[str]:
    """The agents that `--agents` asks for: `fast`, `all`, or their names with commas between. Raises `ValueError`."""
    if option in ("fast", "all"):
        return set(FAST_AGENTS if option == "fast" else names)
    asked = {name.strip() for name in option.split(",")}
    if unknown := asked - set(names):
        raise ValueError(f"--agents: no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return asked
