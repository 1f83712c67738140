"""What calls are for: the rules one by one, and whole sessions as agents play them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.histories import Called, Turn, facts_of, request
from tokenguard.policy.task_types import TASK_TYPES, of_branch, of_step, task_type
from tokenguard.records import REQUEST_CLASSES, Step

TOOLS = {
    "edit": [
        *("Edit", "MultiEdit", "Write", "NotebookEdit", "apply_patch", "write_file", "replace", "edit_file"),
        *("apply_diff", "write_to_file", "search_and_replace", "insert_content", "str_replace_based_edit_tool"),
        *("developer__text_editor", "mcp__github__create_pull_request"),
    ],
    "test": ["runTests", "run_tests", "mcp__ide__getDiagnostics"],
    "review": ["mcp__github__pull_request_review", "git_diff", "mcp__git__git_diff_staged"],
    "web": ["WebFetch", "WebSearch", "web_fetch", "google_web_search", "mcp__playwright__browser_click", "websearch"],
    "plan": [
        "TodoWrite",
        "update_plan",
        "ExitPlanMode",
        "todowrite",
        "exit_plan_mode",
        "AskUserQuestion",
        "write_todos",
    ],
    "search": [
        *("Read", "Grep", "Glob", "LS", "read_file", "read_many_files", "list_directory", "search_file_content"),
        *("codebase_search", "list_code_definition_names", "view", "mcp__linear__get_issue", "ToolSearch"),
    ],
    "run": ["Bash", "BashOutput", "shell", "exec_command", "run_shell_command", "execute_command", "write_stdin"],
    None: ["Task", "Agent", "Skill", "spawn_agent", "attempt_completion", "", "x", "日本"],
}


@pytest.mark.parametrize(
    ("activity", "tool"), [(activity, tool) for activity, tools in TOOLS.items() for tool in tools]
)
def test_tools_are_told_by_their_names(activity: str | None, tool: str) -> None:
    assert of_step(Step(tool)) == activity


def test_tools_that_run_commands_are_told_by_those() -> None:
    assert of_step(Step("Bash", "pytest -q")) == "test"
    assert of_step(Step("run_shell_command", "git diff")) == "review"
    assert of_step(Step("shell", "bash -lc rg foo")) == "search"
    assert of_step(Step("TodoWrite", "pytest -q")) == "plan"
    assert of_step(Step("str_replace_based_edit_tool", "view")) == "search"
    assert of_step(Step("str_replace_based_edit_tool", "create")) == "edit"


def test_of_several_tools_the_weightiest_tells() -> None:
    assert task_type("main", [Step("Read"), Step("TodoWrite"), Step("Edit"), Step("Bash", "pytest")]) == "edit"
    assert task_type("main", [Step("Read"), Step("TodoWrite"), Step("Bash", "pytest")]) == "test"
    assert task_type("main", [Step("Read"), Step("Task"), Step("WebFetch")]) == "web"
    assert task_type("main", [Step("Read"), Step("TodoWrite")]) == "plan"


@pytest.mark.parametrize("request_class", REQUEST_CLASSES)
def test_what_stands_beside_the_conversation_is_upkeep(request_class: str) -> None:
    found = task_type(request_class, [Step("Edit")], branch="fix/x", subagent_type="Explore")
    assert found == ("fix" if request_class in ("main", "sub-agent") else "upkeep")


@pytest.mark.parametrize(
    ("branch", "purpose"),
    [
        ("feat/login", "feature"),
        ("feature-login", "feature"),
        ("Fix/Login", "fix"),
        ("hotfix/1.2", "fix"),
        ("anna/bugfix/42", "fix"),
        ("docs", "docs"),
        ("perf/cache", "refactor"),
        ("test/login", "test"),
        ("dependabot/npm/x", "chore"),
        ("main", None),
        ("fixtures/x", None),
        ("prefix/y", None),
        ("a/b/fix/c", None),
        ("", None),
        (None, None),
    ],
)
def test_branches_say_what_they_are_for(branch: str | None, purpose: str | None) -> None:
    assert of_branch(branch) == purpose


def test_a_branch_says_what_edits_and_unknown_steps_are_for_and_nothing_else() -> None:
    steps = {"Edit": "fix", "Task": "fix", "Read": "search", "WebFetch": "web"}
    assert {tool: task_type("main", [Step(tool)], branch="fix/x") for tool in steps} == steps
    assert task_type("main", prompted=True, branch="fix/x") == "fix"
    assert task_type("main", [Step("Bash", "pytest")], branch="fix/x") == "test"


@pytest.mark.parametrize(
    ("subagent_type", "word"),
    [
        ("Explore", "search"),
        ("Plan", "plan"),
        ("code-reviewer", "review"),
        ("test-runner", "test"),
        ("review", "review"),
    ]
    + [("general-purpose", "other"), ("docs-writer", "docs"), ("web_researcher", "web")],
)
def test_the_kind_of_a_sub_agent_tells_where_its_tools_do_not(subagent_type: str, word: str) -> None:
    assert task_type("sub-agent", [Step("Skill")], subagent_type=subagent_type) == word
    assert task_type("sub-agent", [Step("Edit")], subagent_type=subagent_type) == "edit"


def test_a_prompt_without_tools_is_chat_only_where_that_is_known() -> None:
    assert task_type("main", prompted=True, branch="main") == "chat"
    assert task_type("main", branch="main") == "other"
    assert task_type("main", [Step("Task")]) == "other"


@given(
    st.sampled_from(REQUEST_CLASSES),
    st.lists(st.builds(Step, st.text(max_size=30), st.text(max_size=30)), max_size=4),
    st.booleans(),
    st.none() | st.text(max_size=20),
    st.none() | st.text(max_size=20),
)
def test_there_is_a_word_for_everything(
    request_class: str, steps: list[Step], prompted: bool, kind: str | None, branch: str | None
) -> None:
    assert task_type(request_class, steps, prompted=prompted, subagent_type=kind, branch=branch) in TASK_TYPES


def played(dialect: str, turns: Sequence[Turn], branch: str | None = None) -> list[str]:
    """The words of all calls of a session: after the prompt, and after each turn."""
    words: list[str] = []
    for count in range(len(turns) + 1):
        trail = facts_of(dialect, request(dialect, turns[:count])).trail
        words.append(task_type("main", trail.steps, prompted=not trail.brings_results, branch=branch))
    return words


def bash(command: str) -> Called:
    return Called("Bash", {"command": command, "description": "what it does"})


def test_claude_code_mends_something() -> None:
    turns: list[Turn] = [
        (Called("Grep", {"pattern": "login"}), Called("Read", {"file_path": "/x/a.py"})),
        (Called("TodoWrite", {"todos": []}),),
        (Called("Edit", {"file_path": "/x/a.py", "old_string": "a", "new_string": "b"}),),
        (bash("cd /x && python -m pytest -q 2>&1 | tail -3"),),
        (bash("git diff"),),
        (bash("git commit -am 'Fix login'"),),
    ]
    rest = ["test", "review"]
    assert played("anthropic-messages", turns) == ["chat", "search", "plan", "edit", *rest, "edit"]
    assert played("anthropic-messages", turns, "fix/login") == ["fix", "search", "plan", "fix", *rest, "fix"]


def test_codex_builds_something() -> None:
    turns: list[Turn] = [
        (Called("shell", {"command": ["bash", "-lc", "rg -n login src"], "workdir": "/x"}),),
        (Called("update_plan", {"plan": []}),),
        (Called("shell", {"command": ["apply_patch", "*** Begin Patch\n*** Add File: a.py\n+x\n*** End Patch"]}),),
        (Called("exec_command", {"cmd": "cargo test"}),),
        (Called("exec_command", {"cmd": "cargo build --release"}),),
    ]
    assert played("openai-responses", turns, "feat/login") == ["feature", "search", "plan", "feature", "test", "run"]


def test_gemini_looks_something_up() -> None:
    turns: list[Turn] = [
        (Called("google_web_search", {"query": "sqlite window functions"}),),
        (Called("read_many_files", {"paths": ["*.py"]}),),
        (Called("write_file", {"file_path": "notes.md", "content": "run pytest"}),),
    ]
    assert played("gemini", turns, "docs/notes") == ["docs", "web", "search", "docs"]


def test_an_open_model_talks_by_chat_completions() -> None:
    turns: list[Turn] = [
        (Called("list_files", {"path": "."}),),
        (Called("replace_in_file", {"path": "a", "diff": "x"}), Called("execute_command", {"command": "npm test"})),
        (Called("attempt_completion", {"result": "done", "command": "open index.html"}),),
    ]
    assert played("openai-chat", turns, "main") == ["chat", "search", "edit", "other"]
