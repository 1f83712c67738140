"""Variables in the language of a shell."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from os.path import basename

SHELLS = ("bash", "zsh", "fish")


def shell_of(env: Mapping[str, str]) -> str:
    """The user's login shell, if we speak its language; else bash, which most others understand as far as this goes."""
    name = basename(env.get("SHELL", ""))
    return name if name in SHELLS else "bash"


def assignments(shell: str, variables: Mapping[str, str]) -> list[str]:
    """One line for each variable."""
    if shell == "fish":
        return [f"set -gx {name} {_for_fish(value)}" for name, value in variables.items()]
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]


def comments(text: str) -> list[str]:
    """Text that a shell passes over."""
    return [f"# {line}".rstrip() for line in text.splitlines()]


def _for_fish(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
