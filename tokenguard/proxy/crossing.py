"""What the data path asks of the guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from tokenguard.policy.disconnects import Drain
from tokenguard.records import Call, Facts, Reading, Session, Verdict
from tokenguard.upstream import Network
from tokenguard.wire.shape import Refusal


class Admission(Protocol):
    """The guard's answer to a call."""

    @property
    def call(self) -> Call:
        """The call as it goes on, which may be of another model: the one that is settled."""
        ...

    @property
    def model(self) -> str | None:
        """The model to put into the request; None to leave it."""
        ...

    @property
    def max_output(self) -> int | None:
        """The output limit to put into the request, in tokens; None to leave it."""
        ...

    @property
    def refusal(self) -> Refusal | None:
        """What the agent gets instead of the provider's answer; None where the call may go on."""
        ...

    @property
    def verdict(self) -> Verdict:
        """The decision, with its reason in words."""
        ...


class Refusals(Protocol):
    """How refusals are said."""

    def of_no_session(self, token: str, dialect: str) -> Refusal:
        """The refusal of a call whose token stands for no running session."""
        ...

    def in_dialect(self, call: Call, text: str) -> Refusal:
        """A refusal as the agent of the call takes it."""
        ...


class Ways(Protocol):
    """How providers are reached."""

    def upstream_of(self, session: Session | None, provider: str) -> str | None:
        """Base URL of a provider, without a slash at its end; None if there is no such provider."""
        ...

    def network_of(self, session: Session | None) -> Network:
        """How upstreams are reached on behalf of this session."""
        ...

    def drain(self, call: Call) -> Drain | None:
        """How far the answer is read on when its client leaves; None if the disconnect is passed on at once."""
        ...


class Unread(Protocol):
    """Of requests that no dialect reads as calls."""

    def counted(self, session: Session | None) -> None:
        """Take note of a request that only asked how many tokens a prompt has."""
        ...

    def why_not(self, session: Session | None, provider: str) -> str | None:
        """Why a request may not pass that no dialect claims and that is not known to be free; None if it may."""
        ...

    def unmetered(self, session: Session | None, provider: str, method: str, path: str, status: int) -> None:
        """Take note of a request that passed, that no dialect claims and that is not known to be free."""
        ...


class Guard(Protocol):
    """Decides calls before they are made and books them afterwards."""

    @property
    def refusals(self) -> Refusals: ...

    @property
    def ways(self) -> Ways: ...

    @property
    def unread(self) -> Unread: ...

    def session_of(self, token: str) -> Session | None:
        """The running session of this token."""
        ...

    def begin(
        self, session: Session | None, *, provider: str, dialect: str, facts: Facts, headers: Mapping[str, str]
    ) -> Call:
        """Give a request its identity."""
        ...

    def admit(
        self, call: Call, facts: Facts, count: Callable[[], Awaitable[int | None]] | None = None
    ) -> Awaitable[Admission]:
        """Decide; once that is awaited, without a refusal, a durable reservation stands that `settle` must replace.

        It takes minutes where a person is asked. If it is cancelled (the client left while it waited) it leaves no
        reservation behind. `count` asks the provider how many tokens the prompt has; it is called once at most.
        """
        ...

    def join(self, call: Call) -> None:
        """Take note of a call that the provider began unasked: it counts, and `settle` must follow."""
        ...

    def answered(self, call: Call, headers: Mapping[str, str]) -> None:
        """The answer to an admitted call begins with these headers, or says within itself what they would say."""
        ...

    def settle(self, call: Call, reading: Reading, *, status: int | None, outcome: str) -> None:
        """Book what an admitted call came to; called exactly once for each.

        Outcomes: `ok`; `refused-upstream` (the provider said no, status 3xx or 4xx) and `provider-error` (5xx, or an
        error inside the body); `client-gone` (the client left before the end); `cut` (the answer broke off);
        `unreachable` (no answer came); `refused-here` (it was not sent, since the request could not be changed into the
        one that was admitted). Where `status` is None the mark `sent` says that the request may have arrived
        all the same.
        """
        ...

    def progress(self, call: Call, reading: Reading) -> None:
        """What was read of a stream so far; a few times a second."""
        ...
