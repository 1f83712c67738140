"""What is worth a word before a call is made, whatever budgets say: that it is dear, that an agent runs in circles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from tokenguard.config.sections import PreflightSettings
from tokenguard.config.settings import Config
from tokenguard.guard.runaway import Runaway
from tokenguard.guard.turns import Turns
from tokenguard.policy import wording
from tokenguard.policy.money import parse_amount
from tokenguard.records import Amount, Call, Facts


class Notice(Struct, frozen=True):
    """Something about a call, and what is to be done about it."""

    action: str
    """`warn`, `hold` or `refuse`."""
    text: str
    """A sentence for people, which no agent takes for a reason to try again."""
    runaway: bool = False


class Noticing:
    """Looks at calls before they are decided."""

    def __init__(self, turns: Turns, tell: Callable[[str, dict[str, Any]], None]) -> None:
        self._turns = turns
        self._tell = tell

    def configure(self, config: Config) -> None:
        """Take what is configured; what was seen of agents so far is forgotten where the rules have changed."""
        self._preflight = config.preflight
        self._above = threshold(config.preflight)
        self.runaway = Runaway(config.loops)

    def notices(self, call: Call, facts: Facts, about: Amount) -> list[Notice]:
        """What there is to say of a call that takes about that much; it is told to whoever listens."""
        found: list[Notice] = []
        of: dict[str, Any] = {"call": call.id, "session": call.session}
        if (finding := self.runaway.judge(call, facts, about.nanos)) is not None:
            found.append(Notice(finding.action, finding.text, runaway=True))
            self._tell("call.runaway", of | {"rule": finding.rule, "action": finding.action, "text": finding.text})
        if self._above is not None and about.nanos >= self._above:
            text = wording.dear(about.nanos, about.usage, again=self._turns.before(call, facts) is not None)
            found.append(Notice(self._preflight.at_limit, text))
            self._tell("call.preflight", of | {"estimate_nanos": about.nanos, "text": text})
        return found


def threshold(settings: PreflightSettings) -> int | None:
    """From how many likely nanodollars on a call is noticed."""
    return None if settings.above is None else parse_amount(str(settings.above))[0]
