"""Tables that can only grow."""

from __future__ import annotations


def append_only(table: str) -> tuple[str, str]:
    """Triggers that let rows only be added: an audit trail that can be edited is none."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
    return (
        f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_fixed BEFORE UPDATE ON {table} {refuse}",
    )
