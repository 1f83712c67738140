"""The version of an agent that is installed, read from what its installer wrote: nothing is run."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from tokenguard.agents.settings import read_json, read_text, text_at
from tokenguard.agents.shape import Agent

_VERSION = re.compile(r"v?(\d+\.\d+[\w.+-]*)")


def installed(agent: Agent, env: Mapping[str, str]) -> str | None:
    """The file that its command starts, as a shell would find it; None if it is not installed."""
    import shutil  # most runs do without

    paths = (shutil.which(command, path=env.get("PATH", os.defpath)) for command in agent.COMMANDS)
    return next((path for path in paths if path), None)


def version_of(program: str) -> str | None:
    """The version of a program that npm, pip or the like has installed; None if that is not written anywhere."""
    file = Path(os.path.realpath(program))
    return _of_npm(file) or _of_python(file, os.path.basename(program)) or _of_folder(file)


def is_older(version: str, minimum: str) -> bool:
    """Whether a version comes before another; what follows the numbers does not count."""
    return _numbers(version) < _numbers(minimum)


def _of_npm(file: Path) -> str | None:
    """From the nearest `package.json` below `node_modules`."""
    for folder in file.parents:
        if folder.name == "node_modules":
            return None
        if "node_modules" in folder.parts and (version := text_at(read_json(folder / "package.json"), "version")):
            return version
    return None


def _of_python(file: Path, command: str) -> str | None:
    """From the package, of all in the environment of a script, that brings the command."""
    if file.parent.name != "bin":
        return None
    brings = re.compile(rf"^{re.escape(command)}\s*=", re.MULTILINE)
    for written in file.parent.parent.glob("lib/python3*/*-packages/*.dist-info/entry_points.txt"):
        if brings.search(read_text(written)):
            return written.parent.name.removesuffix(".dist-info").rpartition("-")[2]
    return None


def _of_folder(file: Path) -> str | None:
    """From its own name, as Claude Code's installer has it, or `Cellar/NAME/VERSION` as Homebrew has it."""
    parts = file.parts
    kegs = (parts[at + 2] for at, part in enumerate(parts[:-2]) if part in ("Cellar", "Caskroom"))
    found = (_VERSION.fullmatch(part) for part in (file.name, *kegs))
    return next((match[1] for match in found if match), None)


def _numbers(version: str) -> list[int]:
    found = _VERSION.match(version)
    return [int(part) for part in re.findall(r"\d+", found[1].partition("-")[0].partition("+")[0])] if found else []
