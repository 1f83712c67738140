"""What `tokenguard doctor` finds."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.errors import TokenguardError


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
