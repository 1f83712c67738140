"""Who plays in the demo, what each is asked to do, and how fast."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.cli.demo import scripted_babel

BABEL = "babel"
"""The one that speaks every protocol that the others do not."""


class Actor(Struct, frozen=True):
    """A scripted session."""

    agent: str
    repo: str
    branch: str
    task: str
    prompts: tuple[str, ...]
    commits: bool = False
    """Whether it makes a commit of what it did for each prompt, in a repository with hooks."""


ACTORS = (
    Actor(
        "claude",
        "web",
        "feat/login",
        "login",
        (
            "Add a login form",
            "Check the address before it is sent",
            "Say what is wrong with the password",
            "Remember who is signed in",
            "Write tests for all of it",
            "Make the failing test pass",
            "Try it with a slow connection",
            "Rename the component everywhere",
            *(f"Review it once more ({number})" for number in range(1, 21)),
        ),
        commits=True,
    ),
    Actor("codex", "api", "main", "search", ("Find the slow query", "Add an index", "Measure it again")),
    Actor("gemini", "docs", "fix/typo", "typos", ("Find the typos", "Fix them")),
    Actor(BABEL, "lab", "main", "models", tuple(scripted_babel.WAYS)),
)
"""The first one never ends by itself: the budget of its repository has to stop it."""


class Pace(Struct, frozen=True):
    """How fast the demo runs."""

    speed: float
    """Output tokens per second; 0: as fast as possible."""
    pause: float
    """Seconds that a command of an agent takes."""


HUMAN = Pace(speed=150.0, pause=0.3)
FAST = Pace(speed=0.0, pause=0.0)
