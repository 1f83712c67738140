"""Of every tree of logs that ccusage is compared by, tokenguard reads what was billed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.case import Case
from tests.parity.cases import CASES
from tests.parity.page import MARKED, row, same, shown
from tests.parity.reading import VERSION, counts_of, rows_of, truth
from tools.document_importers import PAGE


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.agent}-{case.holds}")
async def test_what_was_billed_is_read_and_the_same_again(case: Case, tmp_path: Path) -> None:
    first, again, everything = await rows_of(case, tmp_path, ({}, {}, {"full": True}))
    assert counts_of(first) == truth(case)
    assert first == again == everything


def test_every_agent_of_note_is_compared() -> None:
    assert {"claude", "codex", "gemini", "qwen", "opencode", "copilot", "pi", "amp"} <= {case.agent for case in CASES}
    assert len({case.holds for case in CASES}) > 30


def test_the_page_has_every_case() -> None:
    found = MARKED.search(PAGE.read_text("utf-8"))
    assert found is not None, "run make parity"
    assert VERSION in found[0]
    assert all(f"\n{line}\n" in found[0] for line in same())
    for case in (case for case in CASES if case.why):
        (told,) = (line for line in found[0].splitlines() if line.startswith(f"| {row(case)} | "))
        assert told.endswith(f" | {case.why} |")
        assert f"{shown(truth(case))} | {shown(truth(case))}" not in told
