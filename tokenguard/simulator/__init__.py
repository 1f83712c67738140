"""A simulator of model providers: deterministic answers in every dialect, and an exact bill for them.

OpenAI Responses are served over HTTP and over WebSocket (`sockets.py`), by the same rules and prices.

It imports nothing else of tokenguard, its prices included, so that its bill is an independent truth. Markers in a
prompt (`markers.Directions`) tell it what to do, so that unmodified agents can be driven through it.
"""

from __future__ import annotations

from tokenguard.simulator.bill import Bill, BilledCall
from tokenguard.simulator.process import Process, spawn
from tokenguard.simulator.providers import Settings, Simulator
from tokenguard.simulator.service import running
from tokenguard.simulator.shape import Leg, Seen, Usage
from tokenguard.simulator.subscriptions import Windows

__all__ = [
    "Bill",
    "BilledCall",
    "Leg",
    "Process",
    "Seen",
    "Settings",
    "Simulator",
    "Usage",
    "Windows",
    "running",
    "spawn",
]
