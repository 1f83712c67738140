"""Who takes part, in names that say nothing to those who do not know the team's salt."""

from __future__ import annotations

import hmac
import secrets


def new_salt() -> str:
    """For `[team] salt`: whoever can read it can try addresses."""
    return secrets.token_hex(16)


def member_id(salt: str, address: str) -> str:
    """A person, by the e-mail address of their commits."""
    return hmac.new(salt.encode(), address.strip().lower().encode(), "sha256").hexdigest()[:16]


def writer(member: str, machine: str) -> str:
    """One machine of a person, as `[team] treasurer` names it."""
    return f"{member}/{machine}"
