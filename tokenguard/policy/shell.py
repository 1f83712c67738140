"""What a shell command does, by the programs that it runs: for `task_types`.

It is read word by word, not as a shell would: quoted texts count as one word, here-documents end it. Of several
commands the first of edit, test, review, web and search that one of them does tells; what is none of these is `run`.
"""

from __future__ import annotations

import re

_ORDER = ("edit", "test", "review", "web", "search")

_HEREDOC = re.compile(r"<<-?\s*['\"]?\w+['\"]?([^\n]*)(?:\n.*)?", re.DOTALL)
_INNER = re.compile(r"^\s*(?:\S*/)?(?:ba|z|da)?sh\s+-\w*c\s+")
_QUOTED = re.compile(r"'[^']*(?:'|$)|\"(?:[^\"\\]|\\.)*(?:\"|$)")
_HARMLESS = re.compile(r"\d?>&\d|\d?>>?\s*/dev/null|&>\s*/dev/null|2>>?\s*\S+")
_WRITES = re.compile(r">>?\s*[^\s&>|]")
_BETWEEN = re.compile(r"&&|\|\||[;|\n&]|\$\(|`")
_VARIABLE = re.compile(r"\w+=\S*$")

_WRAPPERS = frozenset(
    {"sudo", "time", "nice", "env", "exec", "command", "npx", "bunx", "xargs", "nohup", "then", "do", "if", "else"}
)
"""Programs and words before the program that matters; numbers and options after them are passed over."""
_TIMEOUT = "timeout"
_SHELLS = frozenset({"bash", "sh", "zsh"})
_SCRIPT = re.compile(r"(?:^|[_-])tests?[_.-]|[_-]tests?$")
"""Names of scripts such as `run_tests.sh`."""
_WRITERS = frozenset({"cat", "echo", "printf"})
_RUN_IN = frozenset({"uv", "poetry", "pipenv", "rye", "hatch", "pdm", "bundle", "pnpm", "yarn"})
"""`uv run pytest`: with `run` or `exec`, what follows is what matters."""
_ASIDE = frozenset(
    {"cd", "pushd", "popd", "export", "set", "source", ".", "echo", "printf", "true", "sleep", "fi", "done"}
)

_PROGRAMS = {
    "edit": "apply_patch patch tee mv cp rm mkdir rmdir touch ln chmod truncate black isort gofmt rustfmt prettier ed",
    "test": "pytest py.test tox nox unittest jest vitest mocha ava karma cypress playwright rspec phpunit ctest"
    " gotestsum mypy pyright basedpyright ruff flake8 pylint eslint tsc shellcheck golangci-lint pre-commit",
    "review": "diff delta colordiff",
    "web": "curl wget http https lynx w3m",
    "search": "rg grep egrep fgrep ag ack find fd fdfind ls tree cat bat head tail less more awk wc sort uniq cut stat"
    " file du which whereis type pwd nl jq yq sed hexdump xxd strings ctags",
}
_DOES = {program: activity for activity, programs in _PROGRAMS.items() for program in programs.split()}

_RUNNERS = frozenset(
    "npm pnpm yarn bun deno go cargo dotnet swift mix mvn mvnw gradle gradlew make just rake bazel rails lein sbt"
    " flutter dart xcodebuild manage.py task composer ant meson ninja nx turbo".split()
)
_TESTING = re.compile(r"(?:unit|e2e|integration)?-?tests?\b|(?:check|lint|vet|clippy|verify|typecheck|nextest|spec)\b")

_GIT = {
    "review": "diff show range-diff difftool",
    "edit": "add commit apply am mv rm merge rebase cherry-pick stash checkout switch restore reset push revert tag"
    " pull",
    "search": "log status blame grep ls-files ls-tree branch remote rev-parse describe shortlog reflog cat-file",
}
_OF_GIT = {command: activity for activity, commands in _GIT.items() for command in commands.split()}
_OF_PULL_REQUESTS = {"create": "edit", "edit": "edit", "merge": "edit", "close": "edit", "list": "search"}


def activity_of(command: str) -> str:
    """`edit`, `test`, `review`, `web`, `search`, or `run` for anything else."""
    parts = _BETWEEN.split(_HARMLESS.sub(" ", _plain(command)))
    found = {activity for part in parts if (activity := _of_part(part)) is not None}
    return next((activity for activity in _ORDER if activity in found), "run")


def _plain(command: str) -> str:
    """Without here-documents, without the shell around it, and with `Q` for every quoted text."""
    command = _HEREDOC.sub(r" \1", command)
    inner = _INNER.sub("", command)
    if inner != command and inner[:1] in ("'", '"'):
        inner = inner[1:].removesuffix(inner[0])
    return _QUOTED.sub("Q", inner)


def _of_part(part: str) -> str | None:
    words = _without_wrappers(part.split())
    # Output of other programs that goes to a file is kept to be looked at.
    if words and words[0] in _WRITERS and _WRITES.search(part):
        return "edit"
    return _of_words(words)


def _of_words(words: list[str]) -> str | None:
    if not words or words[0] in _ASIDE:
        return None
    program, rest = words[0].rpartition("/")[2], words[1:]
    if program in _SHELLS and rest and not rest[0].startswith("-"):
        program = rest[0].rpartition("/")[2]
    if program.startswith("python") and rest[:1] == ["-m"]:
        return _of_words(rest[1:])
    if program.startswith("python") and rest and rest[0].endswith("manage.py"):
        program, rest = "manage.py", rest[1:]
    if program in ("sed", "perl") and any(re.match(r"-\w*i", word) for word in rest):
        return "edit"
    if program == "ruff" and rest[:1] == ["format"]:
        return "edit"
    if program == "git":
        return next((_OF_GIT[word] for word in rest if word in _OF_GIT), "run")
    if program == "gh" and rest[:1] == ["pr"]:
        return _OF_PULL_REQUESTS.get(rest[1] if len(rest) > 1 else "", "review")
    if program in _RUNNERS and any(_TESTING.match(word) for word in rest[:3]):
        return "test"
    return "test" if _SCRIPT.search(program) else _DOES.get(program, "run")


def _without_wrappers(words: list[str]) -> list[str]:
    """The words from the program on that matters."""
    while words:
        first = words[0]
        if first in _WRAPPERS or _VARIABLE.match(first):
            words = words[1:]
            while words and (words[0].startswith("-") or words[0].isdigit()):
                words = words[1:]
        elif first == _TIMEOUT:
            words = words[2:]
        elif first in _RUN_IN and words[1:2] in (["run"], ["exec"]) and words[2:]:
            if first in _RUNNERS and _TESTING.match(words[2]):
                return words
            words = words[2:]
        else:
            return words
    return words
