"""What takes the upper bound from a call: names for `Facts.uncapped`."""

from __future__ import annotations

import re
from collections.abc import Iterable


def uncapped(names: Iterable[str], body: bytes, *, remote: re.Pattern[bytes] | None, whole: bool) -> tuple[str, ...]:
    """`names` in order, with `remote-content` if the body refers to content that is elsewhere (a file by its id, an
    image by its URL), and `malformed-request` if it could not be read as a `whole`.
    """
    found = set(names)
    if remote is not None and remote.search(body):
        found.add("remote-content")
    if not whole:
        found.add("malformed-request")
    return tuple(sorted(found))
