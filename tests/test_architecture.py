"""The layers of docs/architecture.md, as pyproject.toml states them for import-linter, and what imports cannot show."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
PURE = [
    ROOT / "tokenguard/errors.py",
    *(
        file
        for package in ("policy", "prices", "records", "wire")
        for file in (ROOT / "tokenguard" / package).rglob("*.py")
    ),
]
IMPURE = {"open", "print", "input", "exec", "eval", "now", "utcnow", "today", "read_text", "read_bytes", "write_text"}
"""Names whose call reads or writes something besides its arguments; the clock above all."""


def called(file: Path) -> Iterator[str]:
    """The last part of the name of everything that a module calls."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name):
                yield function.id
            elif isinstance(function, ast.Attribute):
                yield function.attr


def test_imports_point_down(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def leave_as_it_is(config: object) -> None:
        """It would switch off every logger there is, and the tests after this one listen to ours."""

    monkeypatch.setattr("importlinter.cli.logging_config.dictConfig", leave_as_it_is)
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize("file", PURE, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_core_asks_nobody(file: Path) -> None:
    assert not IMPURE & set(called(file))


def test_what_the_document_calls_the_rooms_exists() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rooms = {path.stem for path in (ROOT / "tokenguard").iterdir() if path.name[0] not in "_."} - {"py"}
    assert {room for room in rooms if f"`{room}`" not in page} == set()
