"""The budgets that a session brings: the limit of its run, and those of its repository's file."""

from __future__ import annotations

from pathlib import Path

from tokenguard.config.budgets import as_one, read_repository_budgets
from tokenguard.errors import UsageError
from tokenguard.policy.budgets import RUN
from tokenguard.policy.money import parse_amount
from tokenguard.records import Budget, Session, Unit

RUN_BUDGET = "session"
"""Name of the budget that `run --budget` makes."""


def own_budgets(session: Session) -> tuple[Budget, ...]:
    """All of them. Raises `ConfigError` or `UsageError`."""
    budgets: tuple[Budget, ...] = ()
    if session.budget is not None:
        budgets = (_run_budget(session.budget),)
    if session.repo and session.worktree:
        budgets += as_one(read_repository_budgets(Path(session.worktree), session.repo), session.repo)
    return budgets


def _run_budget(text: str) -> Budget:
    try:
        limit, unit = parse_amount(text)
    except ValueError as error:
        raise UsageError(f"--budget {error}") from error
    if unit is Unit.PERCENT:
        raise UsageError("--budget is no percentage", "give dollars, tokens or calls")
    return Budget(RUN_BUDGET, limit, scope="session", unit=unit, window="session", counts="all", source=RUN)
