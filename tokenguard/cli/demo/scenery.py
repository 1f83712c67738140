"""What stands on the demo's stage: settings, repositories with hooks, commands that are called like agents."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tokenguard.cli import scratch
from tokenguard.cli.demo import scripted_agent, scripted_babel
from tokenguard.cli.demo.cast import BABEL
from tokenguard.errors import UsageError

LIMIT = "$1.50"
"""What each repository may spend a day."""

CONFIG = """\
[daemon]
port = 0
idle_exit = 60

[providers]
anthropic.base_url = "{url}"
openai.base_url = "{url}"
gemini.base_url = "{url}"
vertex.base_url = "{url}"
bedrock.base_url = "{url}"
ollama.base_url = "{url}"
google.base_url = "{url}"
google.billing = "metered"
"""

RULES = """
[[budget]]
name = "day"
scope = "repo"
window = "day"
limit = "{limit}"

[hooks]
push = "block"
block_at = "soft"
"""

RULES_OF_OTHERS = """
[hooks.team]
warn_at = "warn"
"""

_GIT_CONFIG = """\
[user]
    name = Demo
    email = demo@localhost
"""

_ELSEWHERE = re.compile(r"(ANTHROPIC|CLAUDE|OPENAI|CODEX|GEMINI|GOOGLE|GIT|TOKENGUARD|XDG)_.*|.*_PROXY", re.IGNORECASE)
"""Variables that the demo's world must not inherit: they lead agents, git or tokenguard to other places."""


def environment(root: Path) -> dict[str, str]:
    """Variables that lead agents, git and tokenguard here, and a home."""
    kept = {name: value for name, value in os.environ.items() if not _ELSEWHERE.fullmatch(name)}
    path = f"{root / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
    (root / "home").mkdir()
    (root / "home" / ".gitconfig").write_text(_GIT_CONFIG)
    return {**kept, "PATH": path, "HOME": str(root / "home"), "TOKENGUARD_HOME": str(root / "tokenguard")}


def make_repository(folder: Path, branch: str, env: Mapping[str, str]) -> None:
    """With a commit, on a branch."""
    begin = ("-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--allow-empty", "-m", "Begin")
    folder.mkdir()
    try:
        for arguments in (
            ("init", "--quiet", "--initial-branch", "main"),
            begin,
            ("checkout", "--quiet", "-B", branch),
        ):
            subprocess.run(["git", *arguments], cwd=folder, env=env, check=True)
    except FileNotFoundError as error:
        raise UsageError("git: command not found", "install git: tokenguard tells spend by repository") from error


def make_hooks(folder: Path, env: Mapping[str, str]) -> None:
    """With somewhere to push to."""
    remote = f"{folder}.git"
    for command in (
        ["git", "init", "--quiet", "--bare", remote],
        ["git", "remote", "add", "origin", remote],
        scratch.tokenguard("hooks", "install"),
    ):
        subprocess.run(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, check=True)


def make_stand_in(file: Path) -> None:
    """A command that is called like an agent and is the scripted one."""
    file.parent.mkdir(exist_ok=True)
    if file.name == BABEL:
        program = [str(Path(scripted_babel.__file__))]
    else:
        program = [str(Path(scripted_agent.__file__)), file.name]
    command = shlex.join([sys.executable, *program])
    file.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    file.chmod(0o755)
