"""The final body of a refusal: in the agent's dialect, and harmless as a whole."""

from __future__ import annotations

from tokenguard.agents.shape import Agent
from tokenguard.policy.retrying import harmless
from tokenguard.wire import DIALECTS
from tokenguard.wire.shape import Refusal


def refusal(agent: Agent, dialect: str, text: str) -> Refusal:
    """`text` as this agent takes it, else as the clients of its dialect do; less text where the body would do harm."""

    def put(said: str) -> Refusal:
        return agent.refuse(dialect, said) or DIALECTS[dialect].refuse(said)

    return put(harmless(text, lambda said: put(said).body))
