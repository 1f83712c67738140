"""What a refused agent shows: why, what is spent, when that ends, and what to do."""

from __future__ import annotations

import shlex
from datetime import datetime

from tokenguard.policy.budgets import REPOSITORY_FILE, TEAM, Standing, short_key
from tokenguard.policy.money import NANOS, amount, plain_usd, tokens
from tokenguard.policy.naming import printable
from tokenguard.policy.retrying import PLAINEST, is_safe, safe_argument, safe_label
from tokenguard.records import Budget, Unit, Usage

_LONGEST_REASON = 300
"""Characters of what a person gave as a reason."""


def refusal(standing: Standing, need: int | None, now_us: int, resets: datetime | None) -> str:
    """The sentence that a refused agent shows.

    `need` is what the call would have taken, in the budget's unit, None if nothing bounds that; `resets` is the end of
    the window in the budget's zone. Whatever would make agents try again is left out or replaced by an opaque id.
    """
    subject = _subject(standing, need)
    reset = f" It resets at {moment(resets, now_us)}." if resets else ""
    label, more = safe_argument(standing.slot.label), argument(step(standing), standing.slot.budget.unit)
    remedy = f" To go on: tokenguard budget raise {label} --amount {more} --reason WHY"
    if standing.slot.budget.scope == TEAM:
        remedy = f" To go on: {raised_by_team(standing.slot.budget, more)}"
    elif standing.held_back:
        remedy = f" To save the work: tokenguard budget land {label}.{remedy}"
    if need is None and not standing.used_up:
        remedy = " To go on: let the request set an output limit, or let the budget be calibrated"
    for figures in (_figures(standing, need), ""):
        text = f"tokenguard stopped this request: {subject}{figures}.{reset}{remedy}"
        if is_safe(text):
            return text
    return f"tokenguard stopped this request: {subject}. See tokenguard status"


def plain_refusal(reason: str) -> str:
    """A refusal that no budget caused, such as an error under `on_error = "closed"`."""
    text = f"tokenguard stopped this request: {printable(reason)}"
    return text if is_safe(text) else PLAINEST


def dear(nanos: int, usage: Usage, *, again: bool) -> str:
    """What a single dear call is said to do, before it is made; `again` says that it repeats what was sent before."""
    fresh = usage.prompt - usage.cache_read
    does = f"{'re-reads' if again else 'sends'} {tokens(fresh)} uncached tokens"
    if fresh < usage.output:
        does = f"likely answers {tokens(usage.output)} tokens"
    for text in (f"this call {does}, about {plain_usd(nanos)} USD", "this call is dear"):
        if is_safe(text):
            break
    return text


def unapproved(reason: str, how: str, who: str, why: str | None) -> str:
    """What a call is told that waited for an approval because of `reason`, the sentence of its refusal.

    `how` is `deny`, by somebody with perhaps a reason of their own (`why`), or anything else: nobody answered.
    """
    who, why = printable(who), printable(why or "", _LONGEST_REASON)
    first = "nobody approved it in time"
    if how == "deny":
        first = f"{who} said no" if who and is_safe(who) else "it was denied"
    for said in (f": {why}" if why else "", ""):
        text = f"tokenguard stopped this request: {first}{said}. {_after(reason)}".strip()
        if is_safe(text):
            return text
    return f"tokenguard stopped this request: {first}. See tokenguard status"


def cause(reason: str) -> str:
    """Why a call waits, for the person who is asked: of a refusal's sentence neither the opening nor the remedy."""
    said = reason.removeprefix("tokenguard stopped this request: ").partition(" To go on: ")[0]
    return said.partition("; a new prompt goes on")[0]


def _after(reason: str) -> str:
    """A refusal's sentence without its opening, to stand second."""
    rest = reason.removeprefix("tokenguard stopped this request: ")
    return rest[:1].upper() + rest[1:]


def _subject(standing: Standing, need: int | None) -> str:
    budget, key = standing.slot.budget, standing.slot.key
    state = "cannot take this call" if need is None else "has too little left for this call"
    if not standing.limit:
        state = "allows nothing"
    elif standing.used_up:
        state = "is used up"
    if budget.official is not None:
        provider, _, window = budget.official.partition("/")
        return f"the {window.replace('_', ' ')} budget {safe_label(budget.name)} of {provider} {state}"
    if budget.scope == "session":
        return f"the session budget {state}"
    kind = "" if budget.window == "total" or not is_safe(budget.window) else f"{budget.window} "
    if not key:
        return f"the {kind}budget {safe_label(budget.name)} {state}"
    if budget.scope == TEAM:
        who = "cannot be counted here" if standing.share is None else state
        if standing.share is not None and standing.used_up and standing.spent < standing.limit:
            who = "has nothing left for this machine"
        return f"the limit that binds is {safe_label(standing.slot.label)}, not yours: it {who}"
    scope = "repository" if budget.scope == "repo" else budget.scope
    return f"the {kind}budget of {scope} {safe_label(short_key(budget.scope, key))} {state}"


def _figures(standing: Standing, need: int | None) -> str:
    if standing.slot.budget.official is not None:
        return f" ({standing.spent}% used, the limit is {standing.limit}%)"
    if not standing.limit:
        return ""
    used = f"{_bare(standing.spent, standing)} of {_with_unit(standing.limit, standing)}"
    if standing.slot.budget.scope == TEAM:
        return _shared(standing, used, need)
    kept = f", {_bare(standing.held_back, standing)} kept for landing" if standing.held_back else ""
    if standing.used_up:
        return f" ({used}{kept})"
    if need is None:
        return f" ({used} used; it is strict, and nothing bounds what this call may cost)"
    held = f", {_bare(standing.reserved, standing)} set aside for calls in flight" if standing.reserved else ""
    return f" ({used} used{kept}{held}; this call may take {_with_unit(need, standing)})"


def _shared(standing: Standing, used: str, need: int | None) -> str:
    share = standing.share
    if share is None:
        return " (nothing has been heard of the team)"
    elsewhere = share.held + share.presumed
    held = f", {_bare(elsewhere, standing)} held by others" if elsewhere else ""
    call = "" if need is None or standing.used_up else f"; this call may take {_with_unit(need, standing)}"
    return f" ({used} used by all{held}{call})"


def raised_by_team(budget: Budget, more: str = "AMOUNT") -> str:
    """How more of a team's budget is to be had: it is not one person's to raise."""
    team, name = budget.source.partition(":")[2], budget.name
    if budget.mode != "strict":  # Nobody hands it out: it is what the repository says.
        return f"raise {shlex.quote(name)} of {team} in {REPOSITORY_FILE}, for all who agree"
    command = f"tokenguard team raise {shlex.quote(name)} --amount {more} --reason WHY"
    return f"whoever keeps the budgets of {team} runs {command}"


def _bare(value: int, standing: Standing) -> str:
    return _with_unit(value, standing).split()[0]


def _with_unit(value: int, standing: Standing) -> str:
    unit = standing.slot.budget.unit
    return f"{plain_usd(value)} USD" if unit is Unit.USD else amount(value, unit)


def step(standing: Standing) -> int:
    """An amount worth raising by, in the budget's unit: the power of ten below the limit.

    Powers of ten hold none of the digit runs that make agents try again.
    """
    unit, cent = standing.slot.budget.unit, NANOS // 100
    if unit is Unit.PERCENT:
        return 5
    if unit is not Unit.USD:
        return _magnitude(standing.limit)
    return _magnitude(standing.limit // cent) * cent


def _magnitude(value: int) -> int:
    return int("1" + "0" * (len(str(value)) - 1))


def argument(value: int, unit: Unit) -> str:
    """An amount, of dollars in whole cents, as the command line takes it."""
    if unit is Unit.PERCENT:
        return f"'{value} percent'"
    if unit is not Unit.USD:
        return f"'{value} {unit.value[:-1] if value == 1 else unit.value}'"
    dollars, cents = divmod(value // (NANOS // 100), 100)
    return f"{dollars}.{cents:02d}" if cents else f"{dollars}"


def moment(at: datetime, now_us: int) -> str:
    """An instant that is to come, as short as it can be said."""
    now = datetime.fromtimestamp(now_us / 1_000_000, at.tzinfo)
    if (at - now).total_seconds() <= 24 * 3600:
        return at.strftime("%H:%M")
    return at.strftime("%b %-d %H:%M")
