"""The crossing: every call asks here before it is forwarded, and reports here when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenguard.guard.admitting import Admission
    from tokenguard.guard.crossing import Guard
    from tokenguard.guard.desk import Desk
    from tokenguard.guard.granting import AskForMore
    from tokenguard.guard.sessions import OpenSession
    from tokenguard.guard.steering import Deed
else:
    from importlib import import_module

    _MODULES = {
        "Admission": "admitting",
        "AskForMore": "granting",
        "Deed": "steering",
        "Desk": "desk",
        "Guard": "crossing",
        "OpenSession": "sessions",
    }

    def __getattr__(name):
        """These, when they are asked for: who only looks at budgets does not wait for the import of all that guards."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


__all__ = ["Admission", "AskForMore", "Deed", "Desk", "Guard", "OpenSession"]
