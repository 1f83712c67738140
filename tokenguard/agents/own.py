"""An agent of the user's own: what `[agents.NAME]` says, on top of the recipe of an agent that is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from tokenguard.agents import generic
from tokenguard.agents.shape import Agent, ByHand, Recipe, Situation, Trial
from tokenguard.agents.urls import way
from tokenguard.wire import DIALECTS
from tokenguard.wire.shape import Refusal

URL = "{url}"
"""Stands for `http://127.0.0.1:PORT/s/TOKEN` in what the user writes."""
FOLDER = "{folder}"
"""Stands for the private folder of the run."""

_ROUTE = re.compile(r"\{url\}/([^/{}]+)((?:/[^{}]*)?)")


class Definition(Protocol):
    """One `[agents.NAME]`, checked; what is None or empty is as with the agent that it extends."""

    @property
    def extends(self) -> str | None: ...

    @property
    def commands(self) -> tuple[str, ...]: ...

    @property
    def title(self) -> str | None: ...

    @property
    def args(self) -> tuple[str, ...]: ...

    @property
    def env(self) -> Mapping[str, str]: ...

    @property
    def files(self) -> Mapping[str, str]: ...

    @property
    def hold_seconds(self) -> int | None: ...

    @property
    def refusal(self) -> int | None: ...


class Own:
    """An agent as the user has defined it; has the shape of an agent's module."""

    def __init__(self, name: str, given: Definition, base: Agent) -> None:
        """`base` is the agent that it extends; one of the same name is changed."""
        itself = base.NAME == name
        self.NAME = name
        self.TITLE = given.title or (base.TITLE if itself else name)
        usual = base.COMMANDS if itself else ()
        self.COMMANDS = tuple(dict.fromkeys((*usual, *given.commands))) or (name,)
        self.PROGRAMS = base.PROGRAMS if itself else ()
        self.INSTALL = base.INSTALL if itself else f"install it, or correct commands in [agents.{name}] of config.toml"
        self.LOGIN = base.LOGIN
        self.MINIMUM = base.MINIMUM if itself else ""
        self.DIALECTS = base.DIALECTS
        self.HOLD_SECONDS = given.hold_seconds or base.HOLD_SECONDS
        self.GUARDED = _guarded(given, base)
        self.NOT_COVERED = base.NOT_COVERED
        self.LEAVES = base.LEAVES
        self.extends = base.NAME
        self._given = given
        self._base = base
        self._routes = _routes(given.env)

    def recipe(self, situation: Situation) -> Recipe:
        """See `Agent.recipe`. What stands in the definition is to the known recipe as if the user had given it."""
        given = self._given
        plain = {name: value for name, value in given.env.items() if URL not in value and FOLDER not in value}
        args = tuple(_filled(arg, situation) for arg in given.args)
        inside = replace(situation, args=(*args, *situation.args), env={**situation.env, **plain})
        recipe = self._recipe(inside)
        rest = {name: _filled(value, situation) for name, value in given.env.items() if name not in self._routes}
        files = {name: _filled(text, situation) for name, text in given.files.items()}
        return replace(recipe, env={**rest, **recipe.env}, files={**files, **recipe.files})

    def _recipe(self, situation: Situation) -> Recipe:
        """The known recipe, and the variables that are base URLs. No key may go to the host of another variable."""
        found = {
            name: way(situation.base_url, situation.providers, *route, situation.env.get(name))
            for name, route in self._routes.items()
        }
        if self._base is generic:
            elsewhere = {provider for one in found.values() for provider in one.upstreams}
            usual = (one for one in generic.VARIABLES if one[1] not in elsewhere or situation.env.get(one[0]))
            return generic.routed(situation, (*((name, *route) for name, route in self._routes.items()), *usual))
        recipe = self._base.recipe(situation)
        env, upstreams, notes = dict(recipe.env), dict(recipe.upstreams), list(recipe.notes)
        taken = {name for name in situation.providers if _leads_to(recipe, f"{situation.base_url}/{name}")}
        for name, one in found.items():
            if one.provider in taken and upstreams.get(one.provider) != one.upstreams.get(one.provider):
                notes.append(f"{name} names another address than {self._base.TITLE} has: its calls are not guarded")
                continue
            taken.add(one.provider)
            env[name] = one.base_url
            upstreams |= one.upstreams
        return replace(recipe, env=env, upstreams=upstreams, notes=tuple(notes))

    def refuse(self, dialect: str, text: str) -> Refusal | None:
        """See `Agent.refuse`."""
        refusal = self._base.refuse(dialect, text)
        if self._given.refusal is None or dialect not in DIALECTS:
            return refusal
        return replace(refusal or DIALECTS[dialect].refuse(text), status=self._given.refusal)

    def by_hand(self, base_url: str) -> ByHand:
        """See `Agent.by_hand`."""
        usual = self._base.by_hand(base_url)
        own = {name: value.replace(URL, base_url) for name, value in self._given.env.items() if FOLDER not in value}
        return replace(usual, env={**usual.env, **own})

    def trial(self, key: str, project: Path) -> Trial | None:
        """See `Agent.trial`."""
        return self._base.trial(key, project)


def _routes(env: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """(provider, path) of the variables that are a base URL and nothing else: what the user's own name is kept."""
    found = {name: _ROUTE.fullmatch(value) for name, value in env.items()}
    return {name: (match[1], match[2].rstrip("/")) for name, match in found.items() if match}


def _leads_to(recipe: Recipe, url: str) -> bool:
    return any(url in text for text in (*recipe.args, *recipe.env.values(), *recipe.files.values()))


def _filled(text: str, situation: Situation) -> str:
    return text.replace(URL, situation.base_url).replace(FOLDER, str(situation.folder))


def _guarded(given: Definition, base: Agent) -> str:
    """How its calls come to us, in a few words."""
    names = [name for name, value in given.env.items() if URL in value]
    if any(URL in arg for arg in given.args):
        names.append("arguments")
    if any(URL in text for text in given.files.values()):
        names.append("files")
    if not names:
        return base.GUARDED
    own = f"{', '.join(names)} of your config.toml"
    return own if base is generic else f"{own}; {base.GUARDED}"
