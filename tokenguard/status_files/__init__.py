"""Small files that say what budgets say now: for git hooks and status lines, which never wait for the daemon."""
