"""A home with agents' files in it, and what importing them brings into a ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.books import Books
from tokenguard.importing import surveying
from tokenguard.importing.importer import Importer
from tokenguard.importing.projects import projects
from tokenguard.importing.surveying import Plan
from tokenguard.ledger import Ledger
from tokenguard.ledger.rows import fetch
from tokenguard.records import Call, Charge, Confidence, Leg

AT = "2026-03-01T10:00:05.250Z"
AT_US = 1_772_359_205_250_000


def answer(name: str = "msg_1", output: object = 40, at: str = AT, **more: object) -> dict[str, Any]:
    """A line of Claude Code's."""
    usage = {"input_tokens": 100, "output_tokens": output, "cache_read_input_tokens": 900}
    message = {"id": name, "model": "claude-sonnet-4-5", "role": "assistant", "usage": usage}
    return {"type": "assistant", "message": message, "timestamp": at, "sessionId": "s1", "uuid": f"u-{name}", **more}


def line(value: object) -> bytes:
    """A line of JSON, with its break."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def price(call: Call, leg: Leg) -> Charge:
    """A nanodollar a token, unless the log states a cost."""
    return Charge(leg.usage.total if leg.cost_nanos is None else leg.cost_nanos, Confidence.ESTIMATED)


class Home:
    """Imports a home again and again, as the daemon does."""

    def __init__(self, home: Path, ledger: Ledger, path: Path, patch: pytest.MonkeyPatch) -> None:
        self.home = home
        self._ledger = ledger
        self._patch = patch
        self._importer = Importer(ledger, path, Books(price))

    async def read(self, between: Callable[[], object] = lambda: None, *, full: bool = False) -> int:
        """One import; `between` runs when the files are found and not read yet. Returns how many were to be read."""
        survey = surveying.survey

        def surveyed(*args: Any) -> Any:
            found = survey(*args)
            between()
            return found

        plan = Plan({}, str(self.home), full=full)
        with self._patch.context() as patch:
            patch.setattr(surveying, "survey", surveyed)
            done = await self._importer.run(Plan({}, str(self.home), projects(plan.places(), ()), full=full))
        assert done.done
        return done.files

    def rows(self, columns: str, table: str = "calls") -> list[Any]:
        """What stands in a table, in order."""
        return sorted(fetch(self._ledger.read(), f"SELECT {columns} FROM {table}", []))

    @property
    def keys(self) -> list[str]:
        """The responses of which only logs tell."""
        return [key for (key,) in self.rows("log_key")]

    @property
    def odd(self) -> list[tuple[str, str, str, int]]:
        """(name of the file, kind, detail, count) of what was odd."""
        return [(Path(path).name, *what) for path, *what in self.rows("path, kind, detail, count", "log_oddities")]
