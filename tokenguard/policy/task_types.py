"""What kind of work a call is for, inferred from its request: a word, so that nothing of its content has to be kept.

The first rule that says something holds:

1. What stands beside the conversation (titles, compaction, routing...) is `upkeep`: see `records.REQUEST_CLASSES`.
2. The tools whose results the request brings, by their names; those that run commands, by the commands. Where a turn
   called several, the first of `ACTIVITIES` that is among them tells.
3. The kind of sub-agent that asks: `Explore` searches, a `code-reviewer` reviews.
4. The prefix of the branch: `fix/login` is `fix`. It also says what edits are for: on `feat/login`, `edit` becomes
   `feature`.
5. A prompt that no tool has been called for yet is `chat`, anything else `other`.

Rules 2 to 4 go by whole words: `WebFetch`, `web_fetch` and `mcp__web__fetch` are all (web, fetch).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tokenguard.policy.shell import activity_of
from tokenguard.records import Step

ACTIVITIES = ("edit", "test", "review", "web", "plan", "search", "run")
"""What tools do: change files, run tests and checks, look at changes, use the web, plan, read and search, run more."""

PURPOSES = ("feature", "fix", "docs", "refactor", "chore")
"""What branches are for, besides `test`."""

TASK_TYPES = (*ACTIVITIES, *PURPOSES, "chat", "upkeep", "other")
"""All words."""

_BY_TOOLS = frozenset(
    {
        "claude",
        "codex",
        "continue",
        "copilot",
        "gemini",
        "kilo",
        "kimi-cli",
        "kimi-code",
        "llm",
        "opencode",
        "pi",
        "qwen",
        "vibe",
    }
)
"""Agents that do everything by tools which their requests name. The models of others may write it into their text."""

_CONVERSATION = frozenset({"main", "sub-agent"})

_TOOLS = (
    ("plan", {"plan", "planning", "todo", "todos", "todowrite", "todoread", "think", "ask", "question"}),
    ("run", {"stdin"}),
    ("web", {"web", "fetch", "webfetch", "websearch", "browser", "browse", "url", "http", "crawl", "navigate"}),
    ("review", {"review", "reviews", "reviewer"}),
    ("test", {"test", "tests", "lint", "diagnostics", "typecheck"}),
    (
        "edit",
        {"edit", "editor", "multiedit", "write", "patch", "replace", "apply", "insert", "create", "delete", "rename"}
        | {"modify", "move", "undo"},
    ),
    ("review", {"diff"}),
    (
        "search",
        {"read", "search", "grep", "ripgrep", "rg", "glob", "find", "list", "ls", "view", "open", "cat", "symbol"}
        | {"symbols", "definition", "references", "lsp", "get", "outline", "tree", "directory", "query", "lookup"}
        | {"codebase", "explore", "semantic"},
    ),
    ("run", {"bash", "shell", "terminal", "exec", "execute", "command", "cmd", "powershell", "run", "process"}),
)
"""The first entry that has one of a name's words tells: `update_plan` plans, `apply_diff` edits, `git_diff` reviews."""

_SUBAGENTS = (
    ("review", {"review", "reviewer", "critic", "audit", "auditor"}),
    ("plan", {"plan", "planner", "planning", "architect"}),
    ("test", {"test", "tests", "tester", "testing", "qa", "verification"}),
    ("web", {"web", "browser"}),
    ("search", {"explore", "explorer", "search", "searcher", "research", "researcher", "investigator", "librarian"}),
    ("docs", {"docs", "documentation"}),
)

_BRANCHES = {
    "feature": {"feat", "feats", "feature", "features"},
    "fix": {"fix", "fixes", "bugfix", "hotfix", "bug", "bugs"},
    "docs": {"doc", "docs", "documentation"},
    "refactor": {"refactor", "refactoring", "cleanup", "perf", "style"},
    "test": {"test", "tests"},
    "chore": {"chore", "chores", "build", "ci", "deps", "dependabot", "renovate", "release", "releases"},
}
_PURPOSE = {prefix: word for word, prefixes in _BRANCHES.items() for prefix in prefixes}

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_VIEWS = frozenset({"view"})
"""What Anthropic's text editor is told to do where it changes nothing."""


def task_type(
    request_class: str,
    steps: Iterable[Step] = (),
    *,
    prompted: bool = False,
    subagent_type: str | None = None,
    branch: str | None = None,
) -> str:
    """One of `TASK_TYPES`, for a call of that class which brings the results of these steps.

    `prompted` says that it brings none because a person, or another agent, has just asked for something; it is false
    where nothing is known of the request, as with what only a log has shown.
    """
    if request_class not in _CONVERSATION:
        return "upkeep"
    purpose = of_branch(branch)
    activity = of_steps(steps)
    if activity == "edit":
        return purpose or activity
    return activity or _by_words(_SUBAGENTS, subagent_type or "") or purpose or ("chat" if prompted else "other")


def shows_tools(agent: str, has_tools: bool) -> bool:
    """Whether what a request of this agent shows of tools is all that there is; `has_tools` says that it names some."""
    return has_tools or agent in _BY_TOOLS


def of_steps(steps: Iterable[Step]) -> str | None:
    """The activity of a turn that called these tools; None where their names say nothing."""
    found = {activity for step in steps if (activity := of_step(step)) is not None}
    return next((activity for activity in ACTIVITIES if activity in found), None)


def of_step(step: Step) -> str | None:
    """The activity of a tool; None where its name says nothing, as with one that starts a sub-agent."""
    activity = _by_words(_TOOLS, step.tool)
    if activity == "run" and step.command:
        return activity_of(step.command)
    return "search" if activity == "edit" and step.command in _VIEWS else activity


def of_branch(branch: str | None) -> str | None:
    """What a branch is for, by its first part or, after the name of a person, its second one; None if it is unsaid."""
    for part in (branch or "").lower().split("/")[:2]:
        purpose = _PURPOSE.get(re.split(r"[-_]", part, maxsplit=1)[0])
        if purpose is not None:
            return purpose
    return None


def _by_words(table: Iterable[tuple[str, set[str]]], name: str) -> str | None:
    words = frozenset(_words(name))
    return next((word for word, telling in table if not telling.isdisjoint(words)), None)


def _words(name: str) -> Iterator[str]:
    """`mcp__github__getPullRequest` as `mcp`, `github`, `get`, `pull`, `request`."""
    return (word.lower() for word in _WORD.findall(name))
