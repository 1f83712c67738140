"""What taking part in a team means, in words: who is asked, which limits hold, what others hear."""

from __future__ import annotations

from collections.abc import Iterator

from tokenguard.policy import money
from tokenguard.policy.naming import printable
from tokenguard.policy.windows import WEEKDAYS
from tokenguard.records import Unit
from tokenguard.records.teams import TeamBudget, TeamPolicy

_LONGEST = 200

_MODES = {
    "shared": "each sees what the others have spent; limits can be passed by what is not seen yet",
    "rights": "nobody spends what was not handed to them",
    "leases": "nobody spends what the database did not hand to them",
}
_UNREACHABLE = {
    "refuse": "calls are refused",
    "warn": "calls go on, and are told as overrun",
}


def terms(policy: TeamPolicy, address: str) -> Iterator[str]:
    """A line for each thing that takes effect. `address` is fit to be shown."""
    if policy.backend == "git":
        remote = address if ":" in policy.remote else f"the remote {printable(policy.remote, _LONGEST)} ({address})"
        yield f"team {policy.name}, through {remote}"
    else:
        yield f"team {policy.name}, through the database {printable(address, _LONGEST)}"
    yield f"  {_MODES[policy.mode]}"
    for budget in policy.budgets:
        yield f"  {limit(budget)}"
    if policy.backend != "git":
        yield "  the limits are those that the database keeps"
    if policy.hard:
        yield f"  if it cannot be reached, and what was handed over is used up: {_UNREACHABLE[policy.unreachable]}"
    seen = "whoever can read that repository" if policy.backend == "git" else "whoever may read that database"
    yield f"  {seen} sees what this machine spends here"
    yield "  nobody sees prompts, branches, paths or sessions"


def limit(budget: TeamBudget) -> str:
    """`month: $500.00 a month (UTC), refuse`."""
    window = "in all" if budget.window == "total" else f"a {budget.window}"
    besides = [budget.timezone] if budget.window != "total" else []
    if budget.window == "week" and budget.week_start:
        besides.append(f"from {WEEKDAYS[budget.week_start]}")
    if budget.month_start != 1:
        besides.append(f"from day {budget.month_start}")
    if budget.counts != "billed":
        besides.append("what subscriptions cover counts too")
    about = f" ({', '.join(besides)})" if besides else ""
    return f"{budget.name}: {money.limit(budget.limit, Unit.USD)} {window}{about}, {budget.at_limit}"
