"""`tokenguard env`: what it prints can be used as it stands, and what it writes can be undone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.support import Cli
from tokenguard.agents import AGENTS
from tokenguard.ides import IDES
from tokenguard.platforms import linux, macos

PORT = "http://127.0.0.1:4747"
CLAUDE = {"ANTHROPIC_BASE_URL": f"{PORT}/anthropic", "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL": "1"}


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home, in which nothing is set."""
    for name in list(os.environ):
        if name.endswith(("_BASE_URL", "_API_BASE", "_PROXY", "_proxy")) or name.startswith(
            ("XDG_", "CLINE_", "KILO_")
        ):
            monkeypatch.delenv(name)
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("SHELL", "/bin/bash")
    monkeypatch.setattr(sys, "platform", "linux")
    return folder


@pytest.fixture
def code(user: Path) -> Path:
    """The settings of a VS Code that has run."""
    file = user / ".config" / "Code" / "User" / "settings.json"
    file.parent.mkdir(parents=True)
    file.write_text('// mine\n{\n  "editor.fontSize": 13 // big\n}\n')
    return file


def configure(home: Path, text: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(text)


def lines(out: str) -> list[str]:
    return [line for line in out.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("agent", [*AGENTS, "generic"])
def test_shells_understand_it(cli: Cli, agent: str, shell: str) -> None:
    """All of what is printed, comments included."""
    out = cli("env", agent, "--shell", shell).out
    wanted: dict[str, str] = json.loads(cli("env", agent, "--json").out)["env"]
    assert len(lines(out)) == len(wanted)
    if shutil.which(shell) is None:
        return
    done = subprocess.run(
        [shell, "-c", out + "\nenv"], capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}
    )
    assert done.stderr == ""
    assert wanted.items() <= dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line).items()


def test_it_speaks_the_language_of_the_user_s_shell(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(cli("env", "claude").out) == [f"export {name}={value}" for name, value in CLAUDE.items()]
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert lines(cli("env", "claude").out) == [f"set -gx {name} '{value}'" for name, value in CLAUDE.items()]
    monkeypatch.setenv("SHELL", "/bin/ksh")
    assert lines(cli("env", "claude").out)[0].startswith("export ")


def test_what_belongs_into_a_file_is_a_comment(cli: Cli) -> None:
    out = cli("env", "codex").out
    assert lines(out) == []
    assert "# put into ~/.codex/config.toml:" in out
    assert f'# openai_base_url = "{PORT}/openai/v1"' in out


def test_json(cli: Cli) -> None:
    told = cli("env", "claude", "--json").document
    assert (told["agent"], told["base_url"], told["env"]) == ("claude", PORT, CLAUDE)
    (setting,) = told["settings"]
    assert setting["file"] == "~/.claude/settings.json"
    assert json.loads(setting["text"]) == {"env": CLAUDE}


def test_a_command_is_as_good_as_a_name_and_so_is_one_s_own_agent(cli: Cli, home: Path) -> None:
    configure(home, '[agents.mine]\nextends = "claude"\ncommands = ["my-claude"]\n')
    assert cli("env", "mine", "--json").document["env"] == CLAUDE
    assert cli("env", "my-claude", "--json").document["agent"] == "mine"


def test_behind_a_proxy_loopback_is_reached_directly(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "intranet")
    env = cli("env", "claude", "--json").document["env"]
    assert (env["no_proxy"], env["NO_PROXY"]) == ("intranet,127.0.0.1,localhost",) * 2
    assert "no_proxy" not in cli("env", "codex", "--json").document["env"], "nothing is set in its environment"


def test_the_daemon_has_to_be_there(cli: Cli, home: Path) -> None:
    assert any("tokenguard daemon install" in note for note in cli("env", "claude", "--json").document["notes"])
    home.mkdir(exist_ok=True)
    (home / "service").write_text("4747\n")
    assert not any("daemon" in note for note in cli("env", "claude", "--json").document["notes"])


@pytest.mark.parametrize("asked", [["claude"], ["--write", "vscode"]])
def test_a_port_that_changes_cannot_be_set(cli: Cli, home: Path, code: Path, asked: list[str]) -> None:
    configure(home, "[daemon]\nport = 0\n")
    before = code.read_text()
    done = cli("env", *asked)
    assert (done.code, code.read_text()) == (2, before)
    assert "daemon.port is 0" in done.err and "set a fixed one in config.toml" in done.err


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ([], "of which agent?"),
        (["nonesuch"], "is not an agent that is known; use one of claude, codex"),
        (["claude", "--write", "vscode"], "take no agent"),
        (["--write", "vscode", "--shell", "fish"], "take no agent and no shell"),
        (["claude", "--workspace"], "--workspace belongs to"),
        (["--write", "notepad"], "notepad"),
        (["--write", "zed", "--workspace"], "leave --workspace out"),
        (["--write", "vscode", "--workspace", "--file", "s.json"], "--file is that of one editor"),
        (["--undo", "--file", "s.json"], "name the editor"),
        (["claude", "--file", "s.json"], "--file belongs to"),
    ],
)
def test_wrong_usage(cli: Cli, asked: list[str], says: str) -> None:
    done = cli("env", *asked)
    assert (done.code, done.out) == (2, "")
    assert says in done.err and done.err.count("\n") == 1


def test_vs_code_is_written_and_undone(cli: Cli, code: Path) -> None:
    before = code.read_bytes()
    done = cli("env", "--write", "vscode")
    assert done.code == 0
    text = code.read_text()
    assert text.startswith('// mine\n{\n  "editor.fontSize": 13, // big\n')
    settings: dict[str, Any] = json.loads("".join(line for line in text.replace("// big", "").splitlines()[1:]))
    named = {item["name"]: item["value"] for item in settings["claudeCode.environmentVariables"]}
    terminal = settings["terminal.integrated.env.linux"]
    assert named == CLAUDE
    assert CLAUDE.items() <= terminal.items()
    assert terminal["OPENAI_BASE_URL"] == f"{PORT}/openai/v1"
    assert not [name for name in terminal if "GEMINI" in name or "KIMI" in name]
    assert "tokenguard env --undo vscode" in done.out and "Cline" in done.out and "daemon install" in done.out
    assert "holds all of it already" in cli("env", "--write", "vscode").out
    assert code.read_text() == text
    assert "byte for byte" in cli("env", "--undo", "vscode").out
    assert code.read_bytes() == before
    assert "nothing to undo" in cli("env", "--undo", "vscode").out


@pytest.mark.parametrize("undo", [["--undo"], ["--undo", "vscode"], ["--write", "vscode", "--undo"]])
def test_there_is_more_than_one_way_to_ask_for_it(cli: Cli, code: Path, undo: list[str]) -> None:
    before = code.read_bytes()
    assert cli("env", "--write", "vscode").code == 0
    assert code.read_bytes() != before
    assert cli("env", *undo).code == 0
    assert code.read_bytes() == before


def test_json_of_both(cli: Cli, code: Path) -> None:
    told = cli("env", "--write", "vscode", "--json").document
    assert (told["ide"], told["file"], told["changed"], told["left"]) == ("vscode", str(code), True, {})
    assert told["set"]["terminal.integrated.env.linux ANTHROPIC_BASE_URL"] == CLAUDE["ANTHROPIC_BASE_URL"]
    assert Path(told["backup"]).is_file()
    undone = cli("env", "--undo", "vscode", "--json").document
    assert undone == {"ide": "vscode", "file": str(code), "changed": True, "restored": True}
    assert {one["changed"] for one in cli("env", "--undo", "--json").document} == {False}


def test_a_workspace_has_settings_of_its_own(cli: Cli, user: Path) -> None:
    assert cli("env", "--write", "cursor", "--workspace").code == 0
    file = Path.cwd() / ".vscode" / "settings.json"
    assert json.loads(file.read_text()).keys() == {"claudeCode.environmentVariables", "terminal.integrated.env.linux"}
    assert cli("env", "--undo", "--workspace").code == 0
    assert not file.parent.exists()


def test_what_is_said_of_a_workspace_puts_it_back_from_anywhere(cli: Cli, code: Path, tmp_path: Path) -> None:
    file = Path.cwd() / ".vscode" / "settings.json"
    back = f"tokenguard env --undo vscode --file {file}"
    done = cli("env", "--write", "vscode", "--workspace")
    assert f"to put it back: {back}\n" in done.out
    assert cli("env", "--undo").out == f"there is nothing to undo\n{file} holds it still; to put it back: {back}\n"
    assert "byte for byte" in cli(*back.split()[1:]).out
    assert not file.exists()
    assert cli("env", "--undo").out == "there is nothing to undo\n"


def test_settings_at_an_unusual_place(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "my data" / "User" / "settings.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    done = cli("env", "--write", "vscode", "--file", str(file))
    assert "claudeCode.environmentVariables" in json.loads(file.read_text())
    assert f"tokenguard env --undo vscode --file '{file}'" in done.out
    assert "byte for byte" in cli("env", "--undo", "vscode", "--file", str(file)).out
    assert file.read_text() == "{}"


def test_an_editor_that_has_not_run_here(cli: Cli, user: Path) -> None:
    done = cli("env", "--write", "cursor")
    assert done.code == 2
    assert "Cursor has not run here" in done.err and done.err.count("\n") == 1
    shown, _, _ = done.out.partition("\n}\n")
    assert json.loads(shown + "}")["terminal.integrated.env.linux"]["ANTHROPIC_BASE_URL"] == f"{PORT}/anthropic"
    assert not list(user.rglob("*"))


def test_a_file_that_is_not_understood_is_left_with_what_to_do(cli: Cli, code: Path) -> None:
    code.write_text("{ broken")
    done = cli("env", "--write", "vscode")
    assert (done.code, code.read_text()) == (2, "{ broken")
    assert "line 1 is not JSON" in done.err
    assert '"claudeCode.environmentVariables"' in done.out
    as_json = cli("env", "--write", "vscode", "--json")
    assert as_json.document["error"]["exit_code"] == 2


def test_an_address_of_one_s_own_stays(cli: Cli, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://llm.corp/v1")
    code.write_text(
        '{"claudeCode.environmentVariables": [{"name": "ANTHROPIC_BASE_URL", "value": "https://claude.corp"}]}'
    )
    told = cli("env", "--write", "vscode", "--json").document
    assert told["left"] == {"claudeCode.environmentVariables ANTHROPIC_BASE_URL": "https://claude.corp"}
    assert "terminal.integrated.env.linux OPENAI_BASE_URL" not in told["set"]
    notes = " ".join(told["notes"])
    assert "https://claude.corp" in notes and "OPENAI_BASE_URL is not set" in notes


def test_unless_tokenguard_knows_it_as_the_provider_s(cli: Cli, home: Path, code: Path) -> None:
    configure(home, '[providers.anthropic]\nbase_url = "https://claude.corp"\n')
    code.write_text(
        '{"claudeCode.environmentVariables": [{"name": "ANTHROPIC_BASE_URL", "value": "https://claude.corp"}]}'
    )
    assert cli("env", "--write", "vscode", "--json").document["left"] == {}
    assert "claude.corp" not in code.read_text()


def test_zed(cli: Cli, user: Path) -> None:
    file = user / ".config" / "zed" / "settings.json"
    file.parent.mkdir(parents=True)
    before = (
        '{\n  // the theme\n  "theme": "One",\n  "agent_servers": {"Claude Code": {"command": "x"}, "other": {}},\n}\n'
    )
    file.write_text(before)
    told = cli("env", "--write", "zed", "--json").document["set"]
    assert told["language_models openai api_url"] == f"{PORT}/openai/v1"
    assert told["language_models google api_url"] == f"{PORT}/gemini"
    assert told["agent_servers Claude Code env ANTHROPIC_BASE_URL"] == f"{PORT}/anthropic"
    assert not [label for label in told if "other" in label]
    assert "// the theme" in file.read_text()
    cli("env", "--undo", "zed")
    assert file.read_text() == before


def test_jetbrains(cli: Cli, user: Path) -> None:
    file = user / ".jetbrains" / "acp.json"
    done = cli("env", "--write", "jetbrains")
    assert done.code == 2 and "Settings, Tools, Terminal, Environment variables" in done.out
    file.parent.mkdir()
    before = '{"agent_servers": {"acp.registry.claude-acp": {"command": "/x", "env": {"A": "1"}}}}'
    file.write_text(before)
    assert cli("env", "--write", "jetbrains").code == 0
    env = json.loads(file.read_text())["agent_servers"]["acp.registry.claude-acp"]["env"]
    assert env == {"A": "1", **CLAUDE}
    cli("env", "--undo", "jetbrains")
    assert file.read_text() == before
    file.write_text('{"agent_servers": {}}')
    assert "no agent server" in cli("env", "--write", "jetbrains").err


def test_continue_leads_each_of_its_models_here(cli: Cli, user: Path) -> None:
    folder = user / ".continue"
    folder.mkdir()
    file = folder / "config.yaml"
    before = (
        "name: mine # main\nversion: 1.0.0\nmodels:\n"
        "  - name: Opus # the dear one\n    provider: anthropic\n    apiKey: ${{ secrets.A }}\n"
        "  - name: Gateway\n    provider: openai\n    apiBase: https://llm.corp.example/v1\n"
        "  - {name: Small, provider: openai, apiBase: 'https://api.openai.com/v1'}\n"
        "  - name: Local\n    provider: ollama\n"
    )
    file.write_text(before)
    told = cli("env", "--write", "continue", "--json").document
    assert told["set"] == {
        "models Opus apiBase": f"{PORT}/anthropic/v1/",
        "models Small apiBase": f"{PORT}/openai/v1/",
    }
    assert told["left"] == {"models Gateway apiBase": "https://llm.corp.example/v1"}
    opus, _, small, _ = yaml.safe_load(file.read_text())["models"]
    assert (opus["apiBase"], small["apiBase"]) == (f"{PORT}/anthropic/v1/", f"{PORT}/openai/v1/")
    assert "# main" in file.read_text() and "# the dear one" in file.read_text()
    assert not cli("env", "--write", "continue", "--json").document["changed"]
    assert cli("env", "--undo", "continue", "--json").document["restored"]
    assert file.read_text() == before
    cli("env", "--write", "continue")
    file.write_text(file.read_text() + "# mine, since\n")
    assert not cli("env", "--undo", "continue", "--json").document["restored"]
    assert file.read_text() == before + "# mine, since\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "there is no folder"),
        ("", "it is no mapping"),
        ("models: []\n", "it lists no model"),
        ("models:\n  - name: a\n    provider: ollama\n", "it lists no model"),
        ("models: [\n", "is not YAML"),
        ("a: &x 1\nmodels:\n  - name: a\n    provider: anthropic\n", "it uses anchors"),
    ],
)
def test_settings_of_continue_that_are_not_understood_stay(cli: Cli, user: Path, text: str | None, told: str) -> None:
    file = user / ".continue" / "config.yaml"
    if text is not None:
        file.parent.mkdir()
        file.write_text(text)
    outcome = cli("env", "--write", "continue")
    assert outcome.code == 2 and told in outcome.err
    assert "apiBase: " in outcome.out, "what belongs there is shown"
    assert text is None or file.read_text() == text


@pytest.fixture
def cline_settings(user: Path) -> Path:
    """Those of a Cline that has a key."""
    file = user / ".cline" / "data" / "settings" / "providers.json"
    file.parent.mkdir(parents=True)
    settings = {"provider": "anthropic", "apiKey": "sk-secret"}
    file.write_text(json.dumps({"version": 1, "providers": {"anthropic": {"settings": settings}}}, indent=2) + "\n")
    return file


def test_cline(cli: Cli, home: Path, cline_settings: Path) -> None:
    before = cline_settings.read_text()
    done = cli("env", "--write", "cline")
    assert json.loads(cline_settings.read_text())["providers"]["anthropic"]["settings"] == {
        "provider": "anthropic",
        "apiKey": "sk-secret",
        "baseUrl": f"{PORT}/anthropic/v1",
    }
    assert "to put it back: tokenguard env --undo cline; what was changed is kept, and no copy of the file" in done.out
    assert not any(b"sk-secret" in file.read_bytes() for file in home.rglob("*") if file.is_file())
    again = cli("env", "--write", "cline", "--json").document
    assert (again["changed"], again["backup"]) == (False, None)
    assert "byte for byte" in cli("env", "--undo", "cline").out
    assert cline_settings.read_text() == before


def test_a_cline_that_has_not_been_used_or_has_no_key(cli: Cli, user: Path) -> None:
    done = cli("env", "--write", "cline")
    assert done.code == 2 and "Cline has not run here" in done.err
    assert "before version 4" in done.out, "what is set by hand is shown"
    file = user / ".cline" / "data" / "settings" / "providers.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"version": 1, "providers": {}}')
    assert "no provider with a key" in cli("env", "--write", "cline").err


def test_kilo(cli: Cli, user: Path) -> None:
    folder = user / ".config" / "kilo"
    assert "Kilo Code has not run here" in cli("env", "--write", "kilo").err
    folder.mkdir(parents=True)
    before = '{\n  // mine\n  "model": "anthropic/x",\n  "provider": {"anthropic": {}},\n}\n'
    (folder / "kilo.json").write_text(before)
    told = cli("env", "--write", "kilo", "--json").document
    assert told["file"] == str(folder / "kilo.json")
    assert told["set"] == {"provider anthropic options baseURL": f"{PORT}/anthropic/v1"}
    assert "// mine" in (folder / "kilo.json").read_text()
    (folder / "kilo.jsonc").write_text("{}")
    assert cli("env", "--undo", "kilo", "--json").document == {
        "ide": "kilo",
        "file": str(folder / "kilo.json"),
        "changed": True,
        "restored": True,
    }, "though it would be another file now"
    assert (folder / "kilo.json").read_text() == before


def test_roo_code_is_told_of_and_not_written(cli: Cli, user: Path) -> None:
    for options in ([], ["--undo"]):
        done = cli("env", "--write", "roo", *options)
        assert done.code == 2 and done.err.count("\n") == 1
        assert "among its secrets" in done.err and "set by hand what is shown" in done.err
        assert f"provider Anthropic: tick Use custom base URL: {PORT}/anthropic\n" in done.out
    assert cli("env", "--write", "roo", "--json").document["error"]["exit_code"] == 2
    assert not list(user.rglob("*"))


def test_each_system_has_its_folders(user: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    assert linux.settings_folder({}, user) == user / ".config"
    assert linux.settings_folder({"XDG_CONFIG_HOME": "/x"}, user) == Path("/x")
    mac = macos.settings_folder({}, user)
    assert mac == user / "Library" / "Application Support"
    monkeypatch.setattr(sys, "platform", "darwin")
    (mac / "Code" / "User").mkdir(parents=True)
    told = cli("env", "--write", "vscode", "--json").document
    assert told["file"] == str(mac / "Code" / "User" / "settings.json")
    assert "terminal.integrated.env.osx ANTHROPIC_BASE_URL" in told["set"]
    (user / ".config" / "zed").mkdir(parents=True)
    assert cli("env", "--write", "zed", "--json").document["file"] == str(user / ".config" / "zed" / "settings.json")


def test_every_editor_says_what_it_is() -> None:
    assert list(IDES) == ["vscode", "cursor", "windsurf", "vscodium", "zed", "jetbrains", "continue", "cline", "kilo"]
    for ide in IDES.values():
        assert ide.TITLE and all(note.format(url=PORT) for note in ide.NOTES)


def test_an_address_that_was_ours_is_nobody_s_own(
    cli: Cli, home: Path, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a terminal of the editor, after the port has changed."""
    cli("env", "--write", "vscode")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", f"{PORT}/anthropic")
    configure(home, "[daemon]\nport = 4848\n")
    cli("env", "--write", "vscode")
    assert "4747" not in code.read_text()


def about_editors(cli: Cli) -> list[tuple[str, str]]:
    found = cli("doctor", "--json").document["checks"]
    return [(one["state"], one["remedy"]) for one in found if one["check"] == "editors"]


def test_doctor_tells_of_editors_that_lead_astray(cli: Cli, home: Path, code: Path) -> None:
    assert about_editors(cli) == []
    cli("env", "--write", "vscode")
    assert about_editors(cli) == [("ok", ""), ("warn", "tokenguard daemon install")]
    (home / "service").write_text("4747\n")
    assert about_editors(cli) == [("ok", "")]
    configure(home, "[daemon]\nport = 4848\n")
    assert about_editors(cli)[0] == ("warn", "tokenguard env --write vscode")
    cli("env", "--write", "vscode")
    assert about_editors(cli)[0] == ("ok", "")
    cli("env", "--undo")
    assert about_editors(cli) == []


def test_doctor_tells_where_what_was_put_in_has_gone(cli: Cli, home: Path, cline_settings: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "service").write_text("4747\n")
    before = cline_settings.read_text()
    cli("env", "--write", "cline")
    assert about_editors(cli) == [("ok", "")]
    cline_settings.write_text(before)
    assert about_editors(cli) == [("warn", "tokenguard env --write cline, or --undo cline")]
    cline_settings.write_text("{ broken")
    assert about_editors(cli)[0][0] == "warn"


def test_and_of_workspaces(cli: Cli, home: Path) -> None:
    cli("env", "--write", "vscode", "--workspace")
    configure(home, "[daemon]\nport = 4848\n")
    assert about_editors(cli)[0] == ("warn", "write it again there")
    (home / "ides" / "broken-1.json").write_text("{")
    (Path.cwd() / ".vscode" / "settings.json").unlink()
    assert about_editors(cli) == []
