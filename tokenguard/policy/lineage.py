"""The most tokens that a prompt can have, from what a provider counted for an earlier request that it repeats.

Every message of the earlier request has to stand at the beginning of the later one, unchanged, and with the same
parameters: then the provider makes the same tokens of them, or fewer, since what it drops of a history (thoughts of
turns that are over) it also drops later. System prompts and definitions of tools may change: what was counted then
contains the old ones, and the new ones are added. All that is added counts a token for every byte, and some more for
the seams, where tokens that were one before may fall apart.
"""

from __future__ import annotations

from msgspec import Struct

from tokenguard.records import Facts, Lineage

SEAM = 16
"""Tokens that a provider may put around a message or another part, and that fall apart where it begins or ends."""


class Counted(Struct, frozen=True):
    """A settled request: what it is recognised by, and what the provider counted."""

    terms: int
    head: tuple[int, ...]
    """Fingerprints of the parts before its messages."""
    length: int
    """How many messages it had."""
    messages: int
    """Fingerprint of them all."""
    last: int
    """Of the last one: another one there shows at once that nothing is repeated."""
    tokens: int


def counted(facts: Facts, prompt: int) -> Counted | None:
    """What is remembered of a request whose prompt had so many tokens; None if nothing could be shown by it."""
    line = facts.prompt.lineage
    if not line.terms or not line.messages or facts.rounds > 1 or facts.prompt.continues is not None:
        return None
    messages = line.messages
    return Counted(line.terms, _parts(line), len(messages), hash(messages), messages[-1], prompt)


def held(facts: Facts, total: int) -> Counted | None:
    """The same of a request that later ones continue by its id: prompt and answer together had so many tokens."""
    line = facts.prompt.lineage
    return Counted(line.terms, _parts(line), 0, hash(()), 0, total) if line.terms else None


def most_tokens(facts: Facts, earlier: Counted) -> int | None:
    """The most tokens that the prompt of a request has that repeats an earlier one; None if it does not show that."""
    line = facts.prompt.lineage
    length = earlier.length
    if line.terms != earlier.terms or len(line.messages) < length:
        return None
    if length and line.messages[length - 1] != earlier.last:
        return None
    if hash(line.messages[:length]) != earlier.messages or (line.media and line.media[-1] >= length):
        return None
    known, added = list(earlier.head), [0]
    for part, size in line.head:
        if part in known:
            known.remove(part)
        else:
            added.append(size)
    ends = (0, *line.ends)
    new_bytes = sum(added) + ends[-1] - ends[length] + line.deferred_bytes
    return earlier.tokens + new_bytes + SEAM * (len(added) + len(line.messages) - length)


def _parts(line: Lineage) -> tuple[int, ...]:
    return tuple(part for part, _ in line.head)
