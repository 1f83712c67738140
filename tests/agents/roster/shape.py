"""The shape of a real agent in these tests: how it is installed, and run without a person."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from tokenguard import agents

KEY = "sk-ant-dummy-0123456789-abcdefghij-planted-secret"
"""In every agent's environment, and nowhere else afterwards."""

PROJECT = Path("{project}")
"""Stands for the folder in which it works."""


Ability: TypeAlias = Literal[
    "tools",
    "parallel",
    "sub-agents",
    "retry-429",
    "retry-503",
    "streams",
    "reconnect",
    "ctrl-c",
    "loops",
    "clamp",
    "downgrade",
    "elsewhere",
    "aimock",
    "aimock-tools",
]
"""What an agent may be unable to do here.

`tools`: it runs `shell` by itself, so that one prompt has several turns. `parallel`: it takes several tool calls in one
answer. `sub-agents`: it starts them by a tool. `retry-429`, `retry-503`: it sends again what was answered so.
`streams`: its answers come as streams. `reconnect`: it sends again what ended with an error. `ctrl-c`: it ends by a
Ctrl-C. `loops`: it repeats itself for as long as its model does. `clamp`, `downgrade`: it goes on with a lower output
limit, another model. `elsewhere`: its user can name a base URL of their own. `aimock`, `aimock-tools`: that speaks its
protocol, and calls its tools, as the agent needs it.
"""


class Elsewhere(Struct, frozen=True, kw_only=True):
    """How its user names a base URL of their own, `{url}` in these texts."""

    env: Mapping[str, str] = {}
    files: Mapping[str, str] = {}
    """Below its home, in place of those of the same name."""
    args: tuple[str, ...] = ()
    """Behind the command, before all others."""


class RealAgent(Struct, frozen=True, kw_only=True):
    """An agent as its user would set it up, telemetry and updates switched off."""

    name: str
    """Of its tests; the command is `before[0]`."""
    package: str
    """Pinned: `npm:NAME@VERSION` or `pypi:NAME==VERSION`, more of them after spaces. `pypi3.12:` needs that Python."""
    before: tuple[str, ...]
    """Command line before the prompt."""
    env: dict[str, str]
    after: tuple[str, ...] = ()
    files: dict[str, str] = {}
    """Below its home."""
    hidden: int = 0
    """Calls that it makes before the first turn of a prompt: a warm-up, a router."""
    beside: int = 0
    """Calls that it makes beside the turns of a prompt or after them, at any time: titles, suggestions, memory."""
    helper: str | None = None
    """The model that hidden calls and those beside the turns ask, where it is not `model`."""
    helper_says: str | None = None
    """What that has to answer, where it cannot be any text."""
    stopped: int = 1
    """Exit code after a refusal."""
    attempts: int = 2
    """How many requests are refused at most before it stops; one would do."""
    interrupted: int = 0
    """Exit code after a Ctrl-C."""
    hurried: int = -signal.SIGINT
    """Exit code after a second one, which finds it about to end."""
    settles: bool = False
    """Two that start for the first time at once may fail."""
    asks: tuple[str, ...] = ()
    """Hosts that it asks, such as for a newer version of itself, and no setting keeps it from that."""
    writes: str = ""
    """The files below its home in which it notes what it was refused for, where it prints nothing of that."""
    lacks: Mapping[Ability, str] = {}
    """What it cannot do here, and why: the tests that need it say so."""
    elsewhere: Elsewhere | None = None
    """None where it lacks that."""
    sub_agent: str | None = None
    """The kind of sub-agent that its tool starts; None where it lacks them."""
    dear: str = "$0.01"
    """What its first call is sure to cost more than."""
    model: str
    """That it takes by itself."""
    answers_as: str | None = None
    """What answers call that model, where they call it something else."""
    cheaper: str
    shell: str
    """Its tool that runs commands."""
    shell_arguments: tuple[tuple[str, object], ...] = (("command", "echo hello"), ("description", "say hello"))
    """With which that tool says hello."""

    @property
    def in_ledger(self) -> str:
        """What the ledger calls it."""
        command = self.before[0]
        return next((agent.NAME for agent in agents.AGENTS.values() if command in agent.COMMANDS), command)

    @property
    def served(self) -> str:
        """Its model, as bill and ledger have it."""
        return self.answers_as or self.model

    @property
    def after_ctrl_c(self) -> tuple[int, int]:
        """Exit codes after a Ctrl-C: here the signal comes twice, and one that is about to end may die by the second.

        `run` passes on what no terminal sent.
        """
        return self.interrupted, self.hurried

    @property
    def first(self) -> int:
        """Calls of its own model before the first turn of a prompt."""
        return 0 if self.helper else self.hidden

    @property
    def extra(self) -> int:
        """Calls for a prompt besides its turns."""
        return self.hidden + self.beside

    def going_elsewhere(self, url: str) -> RealAgent:
        """The same, as used by somebody whose calls go to `url`."""
        assert self.elsewhere is not None
        files, env, args = self.elsewhere.files, self.elsewhere.env, self.elsewhere.args
        return replace(
            self,
            files={**self.files, **{name: text.replace("{url}", url) for name, text in files.items()}},
            env={**self.env, **{name: text.replace("{url}", url) for name, text in env.items()}},
            before=(self.before[0], *(text.replace("{url}", url) for text in args), *self.before[1:]),
        )

    def command(self, prompt: str) -> list[str]:
        return [*self.before, prompt, *self.after]

    def settle_in(self, home: Path, project: Path) -> None:
        """Write what it would have written when its user first started it."""
        home.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            file = home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace(str(PROJECT), str(project)))
