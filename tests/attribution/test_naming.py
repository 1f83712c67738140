from __future__ import annotations

import pytest

from tokenguard.agents import Agents
from tokenguard.attribution.naming import Marks, agent_of, editor_of, is_shell, likely_names, program_of
from tokenguard.attribution.processes import Process

KNOWN = {name: Marks(agent.COMMANDS, agent.PROGRAMS) for name, agent in Agents().all.items()}
NODE = "/usr/bin/node"


def process(*argv: str, exe: str = "") -> Process:
    return Process(100, 1.0, argv, exe)


@pytest.mark.parametrize(
    ("agent", "seen"),
    [
        ("claude", process("claude", exe="/home/u/.local/share/claude/versions/2.1.329")),
        ("claude", process("/home/u/.local/bin/claude", "-p", "hello", exe="/home/u/.local/share/claude/2.1")),
        ("claude", process("node", "/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js", exe=NODE)),
        ("claude", process("node", "--max-old-space-size=4096", "/home/u/.npm-global/bin/claude", exe=NODE)),
        ("claude", process("claude --resume", exe=NODE)),
        (
            "claude",
            process("/home/u/.vscode/extensions/anthropic.claude-code-2.1/resources/native-binary/claude", "--json"),
        ),
        ("codex", process("/usr/lib/node_modules/@openai/codex/vendor/x86_64/codex/codex", "exec")),
        ("codex", process("/usr/bin/bash", "/home/u/bin/codex", exe="/usr/bin/bash")),
        ("kilo", process("/home/u/.vscode/extensions/kilocode.kilo-code-7.7.7/bin/kilo", "serve", "--port", "0")),
        ("kilo", process("/usr/lib/node_modules/@kilocode/cli/bin/.kilo", "run")),
        ("cline", process("/usr/lib/node_modules/@cline/cli-linux-x64/bin/cline", "--cline-hub-daemon")),
        ("gemini", process("node", "/opt/npm/lib/node_modules/@google/gemini-cli/dist/index.js", exe=NODE)),
    ],
)
def test_agents_are_known_by_command_and_program(agent: str, seen: Process) -> None:
    assert agent_of(seen, KNOWN) == agent


@pytest.mark.parametrize(
    "seen",
    [
        process("vim", "/src/@anthropic-ai/claude-code/cli.js", exe="/usr/bin/vim"),
        process("grep", "-r", "codex", "/usr/lib/node_modules/@openai/codex/", exe="/usr/bin/grep"),
        process("node", "-e", "require('/usr/lib/node_modules/@openai/codex/x')", exe=NODE),
        process("python3", "-c", "claude", exe="/usr/bin/python3.11"),
        process("node", "/srv/app/server.js", "claude", exe=NODE),
        process("-zsh", exe="/bin/zsh"),
        process(),
    ],
)
def test_what_only_names_an_agent_is_none(seen: Process) -> None:
    assert agent_of(seen, KNOWN) is None


def test_agents_of_the_user_s_own_are_known_by_their_commands() -> None:
    known = {"mine": Marks(("my-agent",), ()), **KNOWN}
    assert agent_of(process("python3", "/home/u/bin/my-agent", exe="/usr/bin/python3"), known) == "mine"


@pytest.mark.parametrize(
    ("editor", "seen"),
    [
        ("vscode", process("/usr/share/code/code", exe="/usr/share/code/code")),
        ("vscode", process("/proc/self/exe", "--type=utility", exe="/usr/share/code/code")),
        (
            "vscode",
            process("/Applications/Visual Studio Code.app/Contents/Frameworks/Code Helper (Plugin).app/Contents/x"),
        ),
        (
            "vscode",
            process("/home/u/.vscode-server/cli/servers/Stable-1/server/node", "/x/out/bootstrap-fork", "--type=host"),
        ),
        ("vscode", process("node", "/opt/code-server/out/node/entry.js", exe="/opt/n/bin/node")),
        ("cursor", process("/Applications/Cursor.app/Contents/MacOS/Cursor")),
        ("zed", process("/home/u/.local/zed.app/libexec/zed-editor")),
        ("jetbrains", process("/opt/idea/bin/idea", exe="/opt/idea/bin/idea")),
        (
            "jetbrains",
            process("/opt/jbr/bin/java", "-Xmx2g", "-Didea.paths.selector=PyCharm2026.2", "com.intellij.Main"),
        ),
        ("neovim", process("nvim", "--embed", exe="/usr/bin/nvim")),
    ],
)
def test_editors_are_known(editor: str, seen: Process) -> None:
    assert editor_of(seen) == editor


@pytest.mark.parametrize(
    "seen", [process("/usr/bin/python3", "x.py", exe="/usr/bin/python3"), process("-bash"), process()]
)
def test_other_programs_are_no_editors(seen: Process) -> None:
    assert editor_of(seen) is None


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("curl", process("curl", "-s", "http://x", exe="/usr/bin/curl")),
        ("bot.py", process("python3", "-u", "/srv/bot.py", "--fast", exe="/usr/bin/python3.11")),
        ("my_agent.main", process("python", "-m", "my_agent.main", exe="/usr/bin/python3")),
        ("node", process("node", "-e", "1", exe=NODE)),
        ("zsh", process("-zsh", exe="/bin/zsh")),
        ("python3", process("python3", exe="/usr/bin/python3")),
        ("thing", process(exe="/opt/thing")),
        (None, process()),
    ],
)
def test_a_program_has_the_name_of_what_it_runs(name: str | None, seen: Process) -> None:
    assert program_of(seen) == name


def test_the_name_of_a_program_can_be_written_down() -> None:
    assert program_of(process("/opt/od\udcffd")) == "od\ufffdd"
    assert program_of(process(NODE, "/opt/od\udcffd.js", exe=NODE)) == "od\ufffdd.js"


def test_shells() -> None:
    assert is_shell(process("-zsh", exe="/bin/zsh"))
    assert is_shell(process("bash", "-c", "x"))
    assert is_shell(process(exe="/usr/bin/fish"))
    assert not is_shell(process("shutdown"))
    assert not is_shell(process())


@pytest.mark.parametrize("name", ["node", "MainThread", "python3.11", "bun", "claude", "codex", "code", "java", "bash"])
def test_who_may_call_is_looked_at_first(name: str) -> None:
    assert likely_names(KNOWN)(name)


@pytest.mark.parametrize("name", ["", "cat", "firefox", "gnome-shell", "systemd", "nodeplus"])
def test_others_after_them(name: str) -> None:
    assert not likely_names(KNOWN)(name)
