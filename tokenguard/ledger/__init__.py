"""The ledger: every session, call and charge, in one SQLite file that one thread of one process writes.

Write through `Ledger`; read through `tokenguard.ledger.queries` on any read-only connection, daemon or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenguard.ledger.values import Decision, Raise, Settlement, Told, Where

if TYPE_CHECKING:
    from tokenguard.ledger.ledger import Ledger
else:

    def __getattr__(name):
        """`Ledger`, when it is asked for: whoever only reads does not wait for the import of all that writes."""
        if name != "Ledger":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from tokenguard.ledger.ledger import Ledger

        return Ledger


__all__ = ["Decision", "Ledger", "Raise", "Settlement", "Told", "Where"]
