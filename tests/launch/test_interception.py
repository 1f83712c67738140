"""What `run --intercept` adds to a recipe."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tokenguard.agents import Recipe, Situation
from tokenguard.config.paths import Paths
from tokenguard.config.settings import Config
from tokenguard.errors import ConfigError
from tokenguard.intercept import hosts, store
from tokenguard.launch import interception
from tokenguard.launch.folder import fill
from tokenguard.launch.interception import intercepted


def added(folder: Path, recipe: Recipe) -> Recipe:
    situation = Situation(
        base_url="http://127.0.0.1:4747/s/TOKEN",
        args=(),
        env={"NO_PROXY": "intranet"},
        home=folder,
        cwd=folder,
        folder=folder / "run",
        providers={},
    )
    return intercepted(recipe, situation, Paths(folder, folder / "state"), Config())


def test_the_proxy_names_the_session_and_whom_it_may_trust(tmp_path: Path) -> None:
    proxy = urlsplit(added(tmp_path, Recipe(())).env["HTTPS_PROXY"])
    assert (proxy.scheme, proxy.hostname, proxy.port, proxy.password) == ("http", "127.0.0.1", 4747, "TOKEN")
    authority = store.load(tmp_path / "state", proxy.username or "")
    assert authority is not None
    assert authority.names == hosts.names(Config().providers, ())


def test_the_agent_s_own_upstreams_can_be_vouched_for(tmp_path: Path) -> None:
    recipe = added(tmp_path, Recipe((), upstreams={"anthropic": "https://gateway.corp/a"}))
    authority = store.load(tmp_path / "state", urlsplit(recipe.env["HTTPS_PROXY"]).username or "")
    assert authority is not None and "gateway.corp" in authority.names


def test_what_the_recipe_had_stays(tmp_path: Path) -> None:
    recipe = Recipe(("-x",), env={"ANTHROPIC_BASE_URL": "u", "NO_PROXY": "127.0.0.1"}, files={"own.json": "{}"})
    found = added(tmp_path, recipe)
    assert found.args == ("-x",)
    assert found.env["ANTHROPIC_BASE_URL"] == "u"
    assert found.env["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert found.files["own.json"] == "{}" and len(found.files) == 3


def test_its_files_are_the_owner_s_alone(tmp_path: Path) -> None:
    found = added(tmp_path, Recipe(()))
    (tmp_path / "run").mkdir()
    fill(tmp_path / "run", found)
    for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        assert stat.S_IMODE(Path(found.env[name]).stat().st_mode) == 0o600
        assert "PRIVATE KEY" not in Path(found.env[name]).read_text()


def test_notes_say_what_is_true_then(tmp_path: Path) -> None:
    notes = ("X uses another provider: its calls are not guarded", "Y is odd")
    assert added(tmp_path, Recipe((), notes=notes)).notes == (
        "X uses another provider: its calls are guarded as far as tokenguard knows the provider",
        "Y is odd",
    )


def test_without_the_system_s_authorities_it_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interception, "system_authorities", lambda: None)
    with pytest.raises(ConfigError, match="authorities of this system were not found"):
        added(tmp_path, Recipe(()))
