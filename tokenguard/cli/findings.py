"""What a check has found, and what to do about it: of `tokenguard doctor`, and of `tokenguard agents check`."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.cli import output
from tokenguard.errors import TokenguardError

_SIGNS = {"ok": "✓", "warn": "!", "fail": "✗"}
_STYLES = {"ok": "ok", "warn": "warn", "fail": "hard"}


class Finding(Struct, frozen=True):
    """One thing that was looked at."""

    check: str
    state: str
    """`ok`; `warn`: it works, but know this; `fail`: it does not work."""
    detail: str
    remedy: str = ""


def ok(check: str, detail: str) -> Finding:
    return Finding(check, "ok", detail)


def warn(check: str, detail: str, remedy: str) -> Finding:
    return Finding(check, "warn", detail, remedy)


def fail(check: str, detail: str, remedy: str) -> Finding:
    return Finding(check, "fail", detail, remedy)


def failed(check: str, error: TokenguardError) -> Finding:
    """A check that ended in an error."""
    return fail(check, error.message, error.hint)


def show(finding: Finding) -> None:
    """Tell people."""
    sign = output.styled(_SIGNS[finding.state], _STYLES[finding.state])
    output.say(f"{sign} {finding.check:<9} {finding.detail}")
    if finding.remedy:
        output.say(f"{'':11} → {finding.remedy}")
