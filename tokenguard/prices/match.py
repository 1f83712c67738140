"""Recognising models by the names that requests and responses use."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date
from functools import lru_cache

from tokenguard.prices.data import Model, Pattern

_LONGEST_NAME = 256
"""No model has a longer name; longer ones are not looked at."""

_compiled = lru_cache(256)(re.compile)

_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "equals": str.__eq__,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": str.__contains__,
    "regex": lambda name, expression: _compiled(expression).search(name) is not None,
}

_ALIASES = frozenset({"opus", "sonnet", "haiku"})
"""What Claude Code calls the newest model of each family."""

_COMPACT_DATE = re.compile(r"-(20\d\d)(\d\d)(\d\d)(?=-|:|$)")
_SUFFIX_IN_BRACKETS = re.compile(r"\[\w+\]$")


def holds(pattern: Pattern, name: str) -> bool:
    """Whether a lower-case name fits."""
    return all(_OPERATORS[operator](name, text) for operator, text in pattern)


class Index:
    """The models of one provider in their order: the first whose names or patterns fit is meant."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._names: dict[str, tuple[int, Model]] = {}
        self._patterns: list[tuple[int, Pattern, Model]] = []
        for position, model in enumerate(models):
            for name in model.names:
                self._names.setdefault(name, (position, model))
            self._patterns += [(position, pattern, model) for pattern in model.patterns]

    def find(self, name: str) -> Model | None:
        """The model that a lower-case name means."""
        limit, named = self._names.get(name, (len(self._patterns), None))
        for position, pattern, model in self._patterns:
            if named is not None and position >= limit:
                break
            if holds(pattern, name):
                return model
        return named


def spellings(name: str, vendors: Collection[str]) -> Iterator[str]:
    """The forms in which a provider may list a model, as it stands first; `vendors` are names of the provider.

    Undone are: capitals; a compact date (LiteLLM's `gpt-5.2-20251211`); Claude Code's `[1m]`; the path in Gemini's
    `models/gemini-3.8-flash` and Vertex's `publishers/google/models/...`; the provider's own name (`openai/gpt-6-sol`).
    Another vendor's name is part of the model's: resellers ask different prices for the same model.
    """
    if len(name) > _LONGEST_NAME:
        return
    as_it_stands = name.strip().lower()
    bare = _SUFFIX_IN_BRACKETS.sub("", as_it_stands)
    forms = [as_it_stands, bare, bare.rpartition("models/")[2]]
    vendor, _, rest = bare.partition("/")
    if vendor in vendors:
        forms.append(rest)
    seen: set[str] = set()
    for form in forms:
        for spelling in (form, _COMPACT_DATE.sub(_dashed_date, form)):
            if spelling and spelling not in seen:
                seen.add(spelling)
                yield spelling


def newest_claude(alias: str, models: Iterable[Model]) -> Model | None:
    """What a bare alias (`opus`, `Sonnet[1m]`) means among Anthropic's models; None if it is no alias."""
    family = _SUFFIX_IN_BRACKETS.sub("", alias.strip().lower())
    if family not in _ALIASES:
        return None
    versions = {_version(family, model.id): model for model in models}
    newest = max(versions)
    return versions[newest] if newest else None


def _version(family: str, id: str) -> tuple[int, ...]:
    """`claude-opus-5-5` is (5, 5); empty if it is not of that family."""
    found = re.fullmatch(rf"claude-{family}-(\d+)(?:-(\d+))?", id)
    return tuple(int(part) for part in found.groups() if part) if found else ()


def _dashed_date(found: re.Match[str]) -> str:
    year, month, day = (int(part) for part in found.groups())
    try:
        return f"-{date(year, month, day).isoformat()}"
    except ValueError:
        return found[0]
