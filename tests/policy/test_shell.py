"""What commands do, as agents write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.policy.shell import activity_of

COMMANDS = {
    "edit": [
        "cat > a.py <<'EOF'\nimport os\nEOF",
        "cat <<EOF >> a.py\nx\nEOF",
        "echo hi > f",
        "printf '%s' x > f && ls",
        "sed -i s/a/b/ f",
        "perl -pi -e s/a/b/ f",
        "apply_patch <<'EOF'\n*** Begin Patch\nEOF",
        "bash -lc apply_patch <<'EOF'",
        "git add -A && git commit -m 'run pytest'",
        "git -C /x checkout -b y",
        "mkdir -p a/b; ls a",
        "ruff format .",
        "gh pr create --fill",
        "grep -l x . | xargs -0 rm",
    ],
    "test": [
        "pytest -q",
        "cd /x && uv run pytest tests -q 2>&1 | tail -5",
        "pytest > out.txt; cat out.txt",
        "python -m pytest",
        "python3.12 -m unittest discover",
        "python manage.py test app",
        "FOO=1 timeout 60 ./gradlew test",
        "npm run test:unit",
        "npm test",
        "yarn run test",
        "pnpm exec eslint .",
        "npx -y vitest run",
        "cargo clippy",
        "go vet ./...",
        "make -j4 check",
        "nice -n 19 .venv/bin/mypy x",
        "bash -lc 'ls && cargo test'",
        "./run_tests.sh",
        "sh scripts/test.sh --fast",
    ],
    "review": ["git diff --stat", "git --no-pager show HEAD", "gh pr view 3", "diff -u a b", "git status; git diff"],
    "web": ["curl -s https://example.com | jq .", "wget -O - https://example.com"],
    "search": [
        "rg -n 'a|rm b' src",
        "ls -la; pwd",
        "ls 2>/dev/null",
        "grep foo bar 2> errors.txt",
        "sed -n '1,20p' a.py",
        "git log --oneline -5",
        "gh pr list",
        "for f in *.py; do grep x $f; done",
        "x=$(cat f)",
        "/usr/bin/find . -name '*.py' > found.txt",
        'grep "pytest && rm" notes.md',
        "bash -lc 'sed -n 1,20p a.py'",
    ],
    "run": [
        "",
        "npm run build",
        "npm install vitest-x",
        "make",
        "python script.py > out.txt 2>&1",
        "docker compose up",
        "echo hi",
        "cd /x",
        "git",
        "latest-thing",
        "timeout",
        "uv run",
    ],
}


@pytest.mark.parametrize(
    ("activity", "command"), [(activity, command) for activity, commands in COMMANDS.items() for command in commands]
)
def test_commands_are_told_apart(activity: str, command: str) -> None:
    assert activity_of(command) == activity


@given(st.text(max_size=400) | st.text(alphabet="\"'\\<>&|;$`( -=\nacdeghst", max_size=400))
def test_any_text_is_something(command: str) -> None:
    assert activity_of(command) in {"edit", "test", "review", "web", "search", "run"}
