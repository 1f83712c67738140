"""docs/tui.md lists every key."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from textual.dom import DOMNode

import tokenguard_tui
from tools.document_tui import PAGE, PARTS, own_bindings, page


def test_the_page_lists_the_keys_that_there_are() -> None:
    assert PAGE.read_text("utf-8") == page(), "stale: run python -m tools.document_tui"


def test_nothing_has_keys_that_are_not_on_the_page() -> None:
    for module in pkgutil.walk_packages(tokenguard_tui.__path__, "tokenguard_tui."):
        import_module(module.name)
    found = {one for one in _below(DOMNode) if one.__module__.startswith("tokenguard_tui.") and own_bindings(one)}
    assert found == {part for parts in PARTS.values() for part in parts}
    assert all(f"<!-- keys: {name} -->" in page() for name in PARTS)


def _below(parent: type[DOMNode]) -> set[type[DOMNode]]:
    return {one for child in parent.__subclasses__() for one in (child, *_below(child))}
