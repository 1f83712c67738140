"""`tokenguard mcp` where its extra is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tokenguard.cli import main


def test_without_the_extra_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKENGUARD_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    monkeypatch.delitem(sys.modules, "tokenguard.cli.mcp.server", raising=False)
    assert main(["mcp"]) == 2
    out, err = capsys.readouterr()
    assert (out, "pip install 'tokenguard[mcp]'" in err) == ("", True)
    assert not (tmp_path / "home").exists()
