"""Every case, in the order of the page."""

from __future__ import annotations

from tests.parity import claude, codex, databases, gemini, others

CASES = (*claude.CASES, *codex.CASES, *gemini.CASES, *databases.CASES, *others.CASES)
