"""From a process to what people call it: an agent, an editor, a shell, or by the name of its program."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from os.path import basename
from typing import NamedTuple

from tokenguard.attribution.place import named
from tokenguard.attribution.processes import Process


class Marks(NamedTuple):
    """By what an agent's process is known."""

    commands: tuple[str, ...]
    """Names of the commands that start it."""
    programs: tuple[str, ...]
    """Parts of the path of its program, such as the folder of its package."""


_EDITORS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "vscode": (
        ("code", "code-insiders", "code-server", "openvscode-server"),
        ("Visual Studio Code", "/code-server/", "/.vscode-server", "/vscode-server/", "/usr/share/code"),
    ),
    "cursor": (("cursor",), ("/Cursor.app/", "/.cursor-server/", "/usr/share/cursor/")),
    "windsurf": (("windsurf",), ("/Windsurf.app/", "/.windsurf-server/", "/usr/share/windsurf/")),
    "vscodium": (("codium", "vscodium"), ("/VSCodium.app/", "/.vscodium-server/", "/usr/share/codium/")),
    "zed": (("zed", "zed-editor", "zeditor"), ("/Zed.app/", "/zed.app/")),
    "jetbrains": (
        (
            *("idea", "pycharm", "webstorm", "goland", "clion", "rider", "phpstorm", "rubymine", "rustrover"),
            *("datagrip", "dataspell", "studio"),
        ),
        ("-Didea.paths.selector=", "-Didea.platform.prefix=", "/JetBrains/Toolbox/apps/"),
    ),
    "neovim": (("nvim",), ()),
    "emacs": (("emacs",), ("/Emacs.app/",)),
}
"""Editor -> (names of its programs, parts of a command line by which its processes are known besides)."""

_INTERPRETER = re.compile(r"(node|nodejs|bun|deno|tsx|python[\d.]*|pypy[\d.]*|ruby|perl|(ba|z|da|k)?sh)", re.IGNORECASE)
_MAIN_THREADS = ("MainThread", "node-MainThread", "electron", "java")
"""What programs that run others' code call their main threads. Node has done so since version 22."""
_SHELL = re.compile(r"-?(ba|z|fi|da|k|c|tc)?sh|nu|xonsh|elvish")
_SUFFIX = re.compile(r"\.([cm]?[jt]s|py|rb|pl)$")
_TAKES_NO_SCRIPT = ("-c", "-e", "--eval", "-p", "--print")


def agent_of(process: Process, known: Mapping[str, Marks]) -> str | None:
    """The agent that a process is, by the names of commands and the paths of programs; None if it is none of them."""
    names, paths = _names(process), _paths(process)
    for agent, marks in known.items():
        if not names.isdisjoint(marks.commands) or _any_in(marks.programs, paths):
            return agent
    return None


def editor_of(process: Process) -> str | None:
    """The editor to which a process belongs."""
    names, paths = _names(process), (*_paths(process), *_java_options(process))
    return next(
        (ide for ide, (own, parts) in _EDITORS.items() if not names.isdisjoint(own) or _any_in(parts, paths)), None
    )


def likely_names(known: Mapping[str, Marks]) -> Callable[[str], bool]:
    """Tells of the short name of a process whether it may well be of an agent or an editor."""
    programs = [own for own, _ in _EDITORS.values()] + [marks.commands for marks in known.values()]
    names = frozenset(chain(_MAIN_THREADS, *programs))
    return lambda name: name in names or _INTERPRETER.fullmatch(name) is not None


def is_shell(process: Process) -> bool:
    """Whether it is a shell: what somebody starts there belongs to nothing above it."""
    return any(_SHELL.fullmatch(basename(name)) for name in (process.exe, *process.argv[:1]) if name)


def program_of(process: Process) -> str | None:
    """The name of what it runs: of the script where an interpreter runs one; None where nothing is to be seen."""
    script = _script(process)
    if script:
        return named(basename(script))
    first = process.argv[0] if process.argv else process.exe
    return named(basename(first).lstrip("-")) or None


def _names(process: Process) -> set[str]:
    """What the process may be called. Programs that set a title of their own put words where the path was."""
    first = process.argv[0] if process.argv else ""
    found = {basename(process.exe), basename(first), basename(first.partition(" ")[0])}
    if script := _script(process):
        found |= {basename(script), _SUFFIX.sub("", basename(script))}
    return found - {""}


def _paths(process: Process) -> tuple[str, ...]:
    """Where its program is. The other arguments may name anything: `grep` in an agent's folder is not the agent."""
    script = _script(process)
    return (process.exe, *process.argv[:1], *((script,) if script else ()))


def _script(process: Process) -> str | None:
    """The file that an interpreter runs; for `python -m` the module."""
    if not process.argv or not any(_INTERPRETER.fullmatch(basename(name)) for name in (process.exe, process.argv[0])):
        return None
    rest = iter(process.argv[1:])
    for arg in rest:
        if arg in _TAKES_NO_SCRIPT:
            return None
        if arg == "-m":
            return next(rest, None)
        if not arg.startswith("-"):
            return arg
    return None


def _java_options(process: Process) -> Iterable[str]:
    return (arg for arg in process.argv if arg.startswith("-Didea."))


def _any_in(parts: tuple[str, ...], paths: Iterable[str]) -> bool:
    return any(part in path for path in paths for part in parts)
