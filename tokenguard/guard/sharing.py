"""Between the budgets of this machine and the teams that share some of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokenguard.errors import UsageError
from tokenguard.guard import showing
from tokenguard.guard.counting import Counting
from tokenguard.guard.slots import zone_of
from tokenguard.guard.teams import Team
from tokenguard.policy.budgets import Standing, slots_ahead
from tokenguard.policy.measure import measure
from tokenguard.records import Budget, Call
from tokenguard.records.teams import Heard, Member, TeamBudget
from tokenguard.team.shape import Demand, Taken

_BURN_US = 30 * 60 * 1_000_000
"""Over how long it is looked at how fast is spent."""


class Sharing:
    """Tells teams what this machine takes, and takes what is heard of them."""

    def __init__(self, counting: Counting, tell: Callable[[str, dict[str, object]], None]) -> None:
        self._counting = counting
        self._tell = tell

    def own(self, name: str) -> OwnSpending:
        """What a team may ask of this machine. Raises `UsageError` if it is not in it."""
        return OwnSpending(self._counting, self._team(name))

    def hear(self, name: str, heard: Heard) -> None:
        """Take what was heard of a team."""
        team = self._team(name)
        self._take(name, heard)
        team.short, team.problem = 0, None
        self._tell("team.heard", {"team": name})

    def away(self, name: str, problem: str, last: Heard | None = None) -> None:
        """A team cannot be reached; `last` is what holds until it can, also in a window that has begun since."""
        team = self._team(name)
        before, team.problem = team.problem, problem
        if last is not None:
            self._take(name, last)
        if before is None:
            self._tell("team.away", {"team": name, "problem": problem})

    def stop(self, name: str) -> None:
        """Let nothing more begin on what a team has handed over."""
        self._team(name).left = True
        self._counting.teams_changed()

    def _take(self, name: str, heard: Heard) -> None:
        for standing in self._counting.hear(name, heard):
            self._tell("budget.level", showing.level_view(standing))

    def standings(self, name: str) -> list[Standing]:
        """What the budgets of a team hold now."""
        counting, team = self._counting, self._team(name)
        repo = next(iter(team.repositories), None)
        anybody = Call(0, "", "", "", "", "", counting.now(), repo=repo, request_class="", billing="")
        return [counting.standings.of(slot) for slot in slots_ahead(team.budgets, anybody, zone_of)]

    def view(self, name: str) -> dict[str, Any]:
        """A team, as the control API tells it."""
        team, teams = self._team(name), self._counting.teams
        heard = team.heard
        return {
            "name": name,
            "backend": team.policy.backend,
            "mode": team.policy.mode,
            "hard": team.policy.hard,
            "repositories": list(team.repositories),
            "state": "never" if heard is None else "away" if team.problem else "ok",
            "problem": team.problem,
            "heard_at": showing.instant(heard.at_us) if heard else None,
            "remarks": list(heard.remarks) if heard else [],
            "budgets": [
                showing.budget_view(standing) | {"usable": teams.usable(standing)} for standing in self.standings(name)
            ],
            "members": [self._member_view(one, name) for one in (heard.members if heard else ())],
        }

    def _member_view(self, member: Member, name: str) -> dict[str, Any]:
        """A machine of the team: of this one, what it has spent since it told."""
        spent, held = member.spent, member.held
        if member.you and (standing := self._standing(name, member.budget)) is not None and standing.share is not None:
            spent = standing.spent - standing.share.others
            held = max(0, (standing.share.granted or 0) - spent)
        return {
            "id": member.id,
            "machine": member.machine,
            "name": None,
            "budget": member.budget,
            "spent": spent,
            "held": held,
            "presumed": member.presumed,
            "heard_at": showing.instant(member.heard_us) if member.heard_us else None,
            "you": member.you,
        }

    def _standing(self, name: str, budget: str) -> Standing | None:
        return next((one for one in self.standings(name) if one.slot.budget.name == budget), None)

    def _team(self, name: str) -> Team:
        team = self._counting.teams.named(name)
        if team is None:
            raise UsageError(f"this machine is in no team {name}", "see tokenguard team status")
        return team


class OwnSpending:
    """See `team.shape.Own`."""

    def __init__(self, counting: Counting, team: Team) -> None:
        self._counting = counting
        self._team = team

    def taken(self, budget: TeamBudget, since_us: int, until_us: int | None) -> Taken:
        """See `Own.taken`."""
        counted = self._counted(budget)
        spent = self._counting.tally.taken(self._team, counted, since_us, until_us)
        reserved = 0
        for call, reservation in self._counting.books.open_calls():
            began_us = self._team.repositories.get(call.repo or "")
            within = since_us <= call.started_us and (until_us is None or call.started_us < until_us)
            if began_us is not None and began_us <= call.started_us and within:
                reserved += measure(counted, reservation.worst, call.billing)
        return Taken(spent, reserved)

    def demand(self, budget: TeamBudget) -> Demand:
        """See `Own.demand`."""
        team, now = self._team, self._counting.now()
        open_calls = [call for call, _ in self._counting.books.open_calls() if call.repo in team.repositories]
        return Demand(
            burn=self._counting.tally.taken(team, self._counted(budget), now - _BURN_US, None),
            largest=max(team.worst, default=0),
            short=team.short,
            parallel=max(1, len(open_calls)),
        )

    def _counted(self, budget: TeamBudget) -> Budget:
        """As it is counted: at the most that it can have been, where the limit is never to be passed."""
        mode = "strict" if self._team.policy.hard else "calibrated"
        return Budget(budget.name, budget.limit, mode=mode, counts=budget.counts)
