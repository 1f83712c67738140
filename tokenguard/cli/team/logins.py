"""As whom somebody enters a database: the part of a connection string that the repository does not say."""

from __future__ import annotations

import re

from tokenguard.errors import UsageError

_KNOWN = ("user", "passfile", "sslrootcert", "sslcert", "sslkey")
_PAIR = re.compile(r"(\w+)=('(?:[^'\\]|\\.)*'|[^\s'\\]+)")


def check_login(written: str) -> str:
    """Settings that name the user, and where the password is; never the password. Raises `UsageError`."""
    rest = _PAIR.sub("", written).strip()
    strange = [key for key, _ in _PAIR.findall(written) if key not in _KNOWN]
    if "password" in strange:
        raise UsageError("--login holds a password, which others see in the list of processes", "put it into ~/.pgpass")
    if rest or strange:
        raise UsageError("--login is not understood", f"use KEY=VALUE with {', '.join(_KNOWN)}, such as user=ann")
    return written.strip()


def user_of(login: str) -> str:
    """The role that it names; empty if it names none."""
    return _settings(login).get("user", "")


def _settings(login: str) -> dict[str, str]:
    pairs: list[tuple[str, str]] = _PAIR.findall(login)
    return {key: re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] == "'" else value for key, value in pairs}
