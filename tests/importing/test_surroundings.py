from __future__ import annotations

import json
from pathlib import Path

import pytest

from tokenguard.agents.logs.shape import Places
from tokenguard.attribution.folders import Spot
from tokenguard.importing.surroundings import Surroundings


def surroundings(home: Path, trees: dict[str, str] | None = None, **payers: str) -> Surroundings:
    return Surroundings(Places({}, home), lambda: trees or {}, payers)


def test_what_the_ledger_knows_of_folders_that_are_gone(tmp_path: Path) -> None:
    known = surroundings(tmp_path, {"/gone/web-login": "/gone/web"})
    assert known.place("/gone/web-login/api", "login", 1) == Spot("/gone/web", "/gone/web-login", "login")
    assert known.place("/gone/other", "", 1) == Spot()


def test_the_ledger_is_asked_only_for_folders_that_are_gone(tmp_path: Path) -> None:
    def asked() -> dict[str, str]:
        pytest.fail("nothing is gone")

    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    known = Surroundings(Places({}, tmp_path), asked, {})
    place = str(tmp_path.resolve())
    assert known.place(str(tmp_path), None, 1) == Spot(place, place, "main")


def test_the_login_says_who_pays_and_what_is_set_wins(tmp_path: Path) -> None:
    assert surroundings(tmp_path).billing("claude", "anthropic") == "metered"
    (tmp_path / ".claude.json").write_text(json.dumps({"oauthAccount": {"accountUuid": "x"}}))
    known = surroundings(tmp_path, openai="local")
    assert [known.billing("claude", name) for name in ("anthropic", "bedrock", "openai")] == [
        "subscription",
        "metered",
        "local",
    ]
    assert surroundings(tmp_path, anthropic="credits").billing("claude", "anthropic") == "credits"
