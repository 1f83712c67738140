"""docs/tui.md lists every key."""

from __future__ import annotations

from tools.document_tui import PAGE, bindings, page


def test_the_page_lists_the_keys_that_there_are() -> None:
    assert PAGE.read_text("utf-8") == page(), "stale: run python -m tools.document_tui"


def test_every_part_has_a_place() -> None:
    assert all(f"<!-- keys: {part} -->\n" in page() for part, keys in bindings().items() if keys)
