"""Checks of what was read of agents' logs."""

from __future__ import annotations

from collections.abc import Iterator

from tokenguard.cli.findings import Finding, ok, warn
from tokenguard.cli.importing import oddities
from tokenguard.cli.output import counted
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError
from tokenguard.importing.doctor import told

_REMEDIES = {
    "unreadable": "make it readable, then: tokenguard import",
    "unknown-type": "a newer version of the agent may have brought it; a newer tokenguard may know it",
    "dropped": "what they cost is not in the ledger; tokenguard import --full looks again",
    "doubtful": "they count as far as they can be understood",
}


def read(paths: Paths) -> Iterator[Finding]:
    """How many files were read of each agent, and what was odd in them."""
    if not paths.ledger.exists():
        return
    try:
        found = told(paths.ledger)
    except TokenguardError:
        return  # told by `ledger`
    if found["files"]:
        yield ok("logs", ", ".join(f"{agent}: {counted(files, 'file')}" for agent, files in found["files"].items()))
    for agent, kind, text in oddities(found):
        yield warn("logs", f"{agent}: {text}", _REMEDIES.get(kind, ""))
