"""What is asked of charges, as conditions of a question: which fields, in which span, of which sessions."""

from __future__ import annotations

from tokenguard.ledger.sums import KEYS, THREAD
from tokenguard.ledger.values import Where

_FIELDS = ("session", *KEYS)

FAMILY = """(WITH RECURSIVE family (id) AS (
    VALUES (?) UNION SELECT s.id FROM sessions AS s JOIN family AS f ON s.parent = f.id) SELECT id FROM family)"""
"""A session, those that were started in it, and those in them."""


def condition(where: Where, table: str, threads: str) -> tuple[list[str], list[object]]:
    """What has to hold of the columns of a table, and of `threads` for the session, and the values in it."""
    terms: list[str] = []
    values: list[object] = []
    for name in _FIELDS:
        if (value := getattr(where, name)) is not None:
            terms.append(f"{threads if name in THREAD else table}.{name} = ?")
            values.append(value)
    if where.family is not None:
        terms.append(f"{threads}.session IN {FAMILY}")
        values.append(where.family)
    for name, pattern in where.match:
        if name == "inferred_task":
            terms.append(f"{table}.task IS NULL AND {table}.task_type GLOB ?")
        elif name in _FIELDS:
            terms.append(f"{threads if name in THREAD else table}.{name} GLOB ?")
        else:
            raise ValueError(f"{name!r} is not a field of calls; use one of {', '.join(_FIELDS)}")
        values.append(pattern)
    return terms, values


def asked_of(where: Where) -> set[str]:
    """The columns of what is asked of calls."""
    asked = {name for name in Where.__struct_fields__ if name != "match" and getattr(where, name) is not None}
    for name, _ in where.match:
        asked.update(("task", "task_type") if name == "inferred_task" else (name,))
    return asked


def within(column: str, since: int | None, until: int | None) -> tuple[list[str], list[object]]:
    """That a column is in the half-open span, as far as it has ends."""
    bounds = [(f"{column} >= ?", since), (f"{column} < ?", until)]
    return [term for term, end in bounds if end is not None], [end for _, end in bounds if end is not None]
