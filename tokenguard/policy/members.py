"""What members of a team are called where everybody can read it."""

from __future__ import annotations

import hmac

_DIGITS = 16
"""Of 64 bits, nobody's are those of somebody else in a team of any size."""


def member_id(address: str, salt: str) -> str:
    """What stands for a person's mail address: the same on all their machines, and of no other team.

    Whoever has the repository has the salt, and can tell whether a name that they know is meant; nobody else can.
    """
    known_by = address.strip().casefold().encode("utf-8", "surrogatepass")
    return hmac.new(salt.encode("utf-8"), known_by, "sha256").hexdigest()[:_DIGITS]
