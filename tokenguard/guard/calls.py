"""Calls as they begin: who makes them, in which conversation, for what kind of work, and who is likely to pay."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping

from tokenguard import prices
from tokenguard.agents import Agents
from tokenguard.agents.recognition import recognise
from tokenguard.config.settings import Config
from tokenguard.guard.official import Official
from tokenguard.guard.registry import Live
from tokenguard.policy import billing
from tokenguard.policy.task_types import shows_tools, task_type
from tokenguard.records import Call, Facts

log = logging.getLogger(__name__)


class Calls:
    """Makes calls of requests. `agents`, `catalogue` and `config` are those that are known now."""

    def __init__(
        self,
        ids: Iterator[int],
        official: Official,
        now: Callable[[], int],
        *,
        agents: Agents,
        catalogue: prices.Catalogue,
        config: Config,
    ) -> None:
        """`ids` gives ids that no call has yet, `now` the time in microseconds."""
        self.agents = agents
        self.catalogue = catalogue
        self.config = config
        self._ids = ids
        self._official = official
        self._now = now

    def begin(self, live: Live, *, provider: str, dialect: str, facts: Facts, headers: Mapping[str, str]) -> Call:
        """The call that a request of a session makes."""
        said = recognise(live.session.agent, headers, facts)
        agent = self.agents.speaking(live.session.agent, said.agent)
        if agent != live.session.agent and live.token_hash is not None:
            _meet(live, agent)
        side, trail = said.side, facts.trail
        branch = live.place.branch() or live.session.branch
        # Where nothing was read of a request, nothing is known of its tools either.
        read = trail.body != 0 and shows_tools(agent, facts.has_tools)
        return Call(
            id=next(self._ids),
            session=live.session.id,
            agent=agent,
            provider=provider,
            dialect=dialect,
            model=facts.model,
            started_us=self._now(),
            stream=facts.stream,
            repo=live.session.repo,
            branch=branch,
            task=live.session.task,
            request_class=side.request_class,
            billing=self._billing(provider, dialect, facts.model, headers),
            agent_session=side.session,
            subagent=side.subagent,
            subagent_type=side.subagent_type,
            worktree=live.session.worktree,
            task_type=task_type(
                side.request_class,
                trail.steps,
                prompted=read and not trail.brings_results,
                subagent_type=side.subagent_type,
                branch=branch,
            ),
            tool_free=not trail.brings_results if read else None,
        )

    def _billing(self, provider: str, dialect: str, model: str, headers: Mapping[str, str]) -> str:
        found = self.catalogue.find(provider, model)
        return billing.expected(
            provider,
            headers,
            local=found is not None and found.local,
            setting=self.config.billing.get(provider),
            windows=self._official.all(),
            dialect=dialect,
            model=model,
        )


def _meet(live: Live, agent: str) -> None:
    """Another agent than the one that was started makes calls in a session: it has its token, or runs in it."""
    if agent not in live.guests:
        live.guests.add(agent)
        session = live.session
        log.warning("%s makes calls in session %s of %s: they count there", agent, session.id, session.agent)
