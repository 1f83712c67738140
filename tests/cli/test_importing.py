"""What `tokenguard import` says, and what of the environment it hands on. `tests/daemon/test_joining.py` runs it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tokenguard.cli.importing import bar, doctor_lines, told_of

ROOT = Path(__file__).parents[2]


def progress(read: int) -> dict[str, Any]:
    return {"bytes": 400_000_000, "bytes_read": read}


def test_a_bar_says_how_far_how_fast_and_how_long() -> None:
    assert bar(progress(0), 0.0) == "░░░░░░░░░░░░░░░░░░░░   0%  0.0 kB of 400.0 MB, 0.0 kB/s"
    assert bar(progress(100_000_000), 2.0) == "█████░░░░░░░░░░░░░░░  25%  100.0 MB of 400.0 MB, 50.0 MB/s, 6 s left"
    # A file may have grown while it was read.
    assert bar(progress(500_000_000), 2.0).startswith("████████████████████ 100%")


def test_what_was_odd_is_told_by_agent_and_kind() -> None:
    def odd(kind: str, detail: str, count: int) -> dict[str, Any]:
        return {"agent": "codex", "kind": kind, "detail": detail, "count": count, "files": 1, "example": "/f.jsonl"}

    doctor = {
        "oddities": [odd("dropped", "no-id", 1_200), odd("unreadable", "eacces", 1), odd("dropped", "not-json", 1)],
        "unpriced": [{"agent": "codex", "model": "novelty", "calls": 3}],
    }
    assert list(doctor_lines(doctor)) == [
        "  codex: 1,201 lines dropped (no-id 1,200, not-json 1), such as in /f.jsonl",
        "  codex: 1 file unreadable (eacces 1), such as in /f.jsonl",
        "  codex: no price for novelty: 3 responses at the dearest that it can be",
    ]


def test_all_variables_that_move_logs_are_handed_on() -> None:
    table = re.findall(r"^\| .* \|$", (ROOT / "docs/importers.md").read_text("utf-8"), re.MULTILINE)
    names = {name for row in table for name in re.findall(r"`([A-Z][A-Z_]{4,})`", row.rsplit("|", 2)[1])}
    assert len(names) > 15
    assert sorted(told_of(dict.fromkeys(names, "/there"))) == sorted(names)


def test_nothing_else_is_and_no_secret() -> None:
    others = ("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK", "MY_PASSWORD_PATH", "LANG")
    assert told_of(dict.fromkeys(others, "x")) == {}
    assert told_of({"ANTHROPIC_API_KEY": "sk-ant-1", "CLAUDE_CODE_OAUTH_TOKEN": ""}) == {"ANTHROPIC_API_KEY": "set"}
