"""A user's machine to start agents on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from tokenguard.agents import Agent, Recipe, Situation
from tokenguard.config.settings import PROVIDERS

BASE = "http://127.0.0.1:4747/s/token"
NO_PROXY = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


class Machine(Struct):
    """Folders of a user, and the recipe that an agent gets there."""

    home: Path
    project: Path
    private: Path
    attended: bool = False
    """Whether agents are started by somebody at a terminal."""

    def write(self, file: str, value: object) -> None:
        """Write a file below home (`~/...`) or the project: text as it is, anything else as JSON."""
        path = self.home / file.removeprefix("~/") if file.startswith("~/") else self.project / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value))

    def recipe(self, agent: Agent, *args: str, **env: str) -> Recipe:
        """How the agent is started there; that must change nothing."""
        before = self._content()
        situation = Situation(BASE, args, env, self.home, self.project, self.private, PROVIDERS, self.attended)
        recipe = agent.recipe(situation)
        assert self._content() == before
        return recipe

    def _content(self) -> dict[Path, str]:
        folders = (self.home, self.project, self.private)
        return {file: file.read_text() for folder in folders for file in folder.rglob("*") if file.is_file()}


def environment(recipe: Recipe) -> Mapping[str, str]:
    """What a recipe sets, without what every recipe sets."""
    return {name: value for name, value in recipe.env.items() if name not in NO_PROXY}


def json_file(recipe: Recipe, name: str) -> Any:
    return json.loads(recipe.files[name])
