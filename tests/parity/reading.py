"""One tree of logs, as tokenguard reads it and as ccusage does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tests.parity.case import Case
from tests.support.books import Books
from tokenguard.importing.importer import Importer
from tokenguard.importing.surveying import Plan
from tokenguard.ledger import Ledger
from tokenguard.ledger.rows import fetch
from tokenguard.records import Call, Charge, Leg, Usage

VERSION = "20.0.24"
PACKAGES = f"npm:ccusage@{VERSION} @ccusage/ccusage-linux-x64@{VERSION}"
"""The program is a native one, which its own package is only a door to."""

_THEIRS = {"kimi-cli": "kimi", "kimi-code": "kimi"}
"""Agents that ccusage calls otherwise."""

Counts = tuple[int, int, int, int]
"""Input, cache read, cache written, output."""


class _Totals(Struct, frozen=True):
    inputTokens: int = 0
    cacheReadTokens: int = 0
    cacheCreationTokens: int = 0
    totalTokens: int = 0


class _Report(Struct, frozen=True):
    totals: _Totals = _Totals()


def truth(case: Case) -> Counts:
    """What was billed."""
    return _counts(case.truth)


async def ours(case: Case, home: Path) -> Counts:
    """What tokenguard reads. The ledger is made in the home, where no agent keeps anything."""
    (rows,) = await rows_of(case, home, ({},))
    return counts_of(rows)


async def rows_of(case: Case, home: Path, imports: Iterable[Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
    """The rows (key, tokens of each bucket) after each of some imports, which are further fields of their plans."""
    case.write(home)
    path = home / "ledger.db"
    ledger = Ledger.open(path)
    found: list[list[tuple[Any, ...]]] = []
    try:
        importer = Importer(ledger, path, Books(_price))
        for more in imports:
            await importer.run(Plan({}, str(home), agents=(case.agent,), **more))
            columns = "log_key, input, cache_read, cache_write_5m, cache_write_1h, output"
            found.append(sorted(fetch(ledger.read(), f"SELECT {columns} FROM calls", [])))
            _touch(home)
    finally:
        await ledger.close()
    return found


def counts_of(rows: Iterable[tuple[Any, ...]]) -> Counts:
    """All tokens of some rows."""
    return _counts(sum((Usage(*row[1:]) for row in rows), Usage()))


def theirs(case: Case, home: Path, path: str) -> Counts:
    """What ccusage reads, which is found by `path`."""
    case.write(home)
    env = {"HOME": str(home), "PATH": path, "TZ": "UTC", "LOG_LEVEL": "0"}
    argv = ["ccusage", _THEIRS.get(case.agent, case.agent), "daily", "--json", "--offline"]
    done = subprocess.run(argv, env=env, cwd=home, capture_output=True, check=False)
    totals = msgspec.json.decode(done.stdout or b"{}", type=_Report).totals
    known = totals.inputTokens, totals.cacheReadTokens, totals.cacheCreationTokens
    # Its total has the reasoning beside the output, which providers bill as one.
    return *known, totals.totalTokens - sum(known)


def _touch(home: Path) -> None:
    for file in home.rglob("*.*"):
        os.utime(file)


def _counts(usage: Usage) -> Counts:
    return usage.input, usage.cache_read, usage.cache_write_5m + usage.cache_write_1h, usage.output


def _price(call: Call, leg: Leg) -> Charge:
    return Charge(0)
