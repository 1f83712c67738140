"""What commits cost, as git notes in the repository itself, which can be pushed and fetched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tokenguard.attribution.commits import described
from tokenguard.attribution.git import ask, lines_of
from tokenguard.errors import TokenguardError

REF = "refs/notes/tokenguard"

_ATTEMPTS = 3
"""Somebody else may write notes at the same time."""
_END = "\1"
_READ = ("log", "--no-walk=unsorted", "--ignore-missing", "--stdin", "--no-show-signature", "--no-notes")


def read(repo: str, hashes: Iterable[str]) -> dict[str, str]:
    """The notes of these commits, of those that have one. Never raises."""
    wanted = lines_of(hashes)
    if not wanted:
        return {}
    told = ask(repo, *_READ, f"--notes={REF}", f"--format=%H%x00%N{_END}", told=wanted)
    pairs = (part.lstrip("\n").partition("\0") for part in (told or "").split(_END))
    return {hash: note.strip() for hash, _, note in pairs if note.strip()}


def write(repo: str, notes: Mapping[str, str], now_us: int) -> int:
    """Put these notes to their commits, in place of what was noted before; how many were not there like this already.

    What the repository does not have is left out.

    Raises `TokenguardError` if git does not take them.
    """
    known = described(repo, notes) or {}
    for _ in range(_ATTEMPTS):
        before = read(repo, known)
        wanted = {hash: notes[hash] for hash in known if before.get(hash) != notes[hash].strip()}
        if not wanted:
            return 0
        parent = (ask(repo, "rev-parse", "--quiet", "--verify", "--end-of-options", REF) or "").strip()
        lines = "".join(_import(wanted, parent, now_us // 1_000_000))
        if ask(repo, "fast-import", "--quiet", told=lines.encode("utf-8")) is not None:
            return len(wanted)
    raise TokenguardError(f"git does not take notes in {repo}", f"try git notes --ref={REF} list")


def _import(notes: Mapping[str, str], parent: str, now_s: int) -> Iterator[str]:
    """A commit of notes in the language of git-fast-import(1)."""
    yield f"commit {REF}\ncommitter tokenguard <tokenguard@localhost> {now_s} +0000\n{_data('Cost of commits')}"
    if parent:
        yield f"from {parent}\n"
    for hash, note in notes.items():
        yield f"N inline {hash}\n{_data(note)}"
    yield "\n"


def _data(text: str) -> str:
    return f"data {len(text.encode('utf-8'))}\n{text}\n"
