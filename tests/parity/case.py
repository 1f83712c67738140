"""What one tree of logs holds, and what is right about it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from tokenguard.records import Usage

Home = Path
"""The home folder of a case, which has nothing else in it."""


class Case(Struct, frozen=True):
    """A home folder with logs of one agent."""

    agent: str
    """As `tokenguard.agents.logs` has it."""
    holds: str
    """What is special about the logs, in a few words."""
    write: Callable[[Home], None]
    truth: Usage
    """All tokens that the provider billed; `reasoning` and the life of cache writes do not matter."""
    why: str = ""
    """Why ccusage says something else; empty where it says the same."""


def lines(file: Path, *values: object, end: str = "\n") -> None:
    """JSON lines, as JavaScript writes them; a text stands as it is."""
    file.parent.mkdir(parents=True, exist_ok=True)
    texts = (value if isinstance(value, str) else json.dumps(value, separators=(",", ":")) for value in values)
    file.write_text("\n".join(texts) + end, "utf-8")


def document(file: Path, value: object) -> None:
    """A JSON document."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value), "utf-8")


def database(file: Path, tables: Iterable[str], rows: Iterable[tuple[str, Mapping[str, object]]]) -> None:
    """A SQLite database: statements that make tables, and (table, row) pairs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as conn:
        for table in tables:
            conn.execute(f"CREATE TABLE {table}")
        for table, row in rows:
            marks = ", ".join("?" * len(row))
            conn.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
        conn.commit()
