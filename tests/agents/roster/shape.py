"""The shape of a real agent in these tests: how it is installed, and run without a person."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

KEY = "sk-ant-dummy-0123456789-abcdefghij-planted-secret"
"""In every agent's environment, and nowhere else afterwards."""

PROJECT = Path("{project}")
"""Stands for the folder in which it works."""


class RealAgent(Struct, frozen=True, kw_only=True):
    """An agent as its user would set it up, telemetry and updates switched off."""

    name: str
    """Of its tests; the command is `before[0]`."""
    package: str
    """Pinned: `npm:NAME@VERSION` or `pypi:NAME==VERSION`, more of them after spaces."""
    before: tuple[str, ...]
    """Command line before the prompt."""
    env: dict[str, str]
    after: tuple[str, ...] = ()
    files: dict[str, str] = {}
    """Below its home."""
    hidden: int = 0
    """Calls that it makes before the first turn of a prompt: a warm-up, a router."""
    stopped: int = 1
    """Exit code after a refusal."""
    interrupted: int = 0
    """Exit code after a Ctrl-C."""
    model: str
    """That it takes by itself."""
    cheaper: str
    shell: str
    """Its tool that runs commands."""

    def command(self, prompt: str) -> list[str]:
        return [*self.before, prompt, *self.after]

    def settle_in(self, home: Path, project: Path) -> None:
        """Write what it would have written when its user first started it."""
        for name, text in self.files.items():
            file = home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace(str(PROJECT), str(project)))
