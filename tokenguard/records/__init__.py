"""The values that every part speaks: immutable, without behaviour beyond arithmetic, ready for JSON.

Units, everywhere: money is integer **nanodollars** (`nanos`, 10^-9 USD), tokens are integers, instants are integer
**microseconds since the epoch, UTC** (names end in `_us`).
"""

from __future__ import annotations

from tokenguard.records.budgets import Amount, Budget, OfficialWindow, Unit
from tokenguard.records.calls import BILLINGS, ORIGINS, REQUEST_CLASSES, Call, Charge, Session, Totals, Verdict
from tokenguard.records.commits import Closing, Rewrite
from tokenguard.records.events import Event
from tokenguard.records.requests import Facts, Lineage, Prompt, Step, Trail
from tokenguard.records.usage import Confidence, Context, Leg, Reading, Usage

__all__ = [
    "Amount",
    "BILLINGS",
    "Budget",
    "Call",
    "Charge",
    "Closing",
    "Confidence",
    "Context",
    "Event",
    "Facts",
    "Leg",
    "Lineage",
    "ORIGINS",
    "OfficialWindow",
    "Prompt",
    "REQUEST_CLASSES",
    "Reading",
    "Rewrite",
    "Session",
    "Step",
    "Totals",
    "Trail",
    "Unit",
    "Usage",
    "Verdict",
]
