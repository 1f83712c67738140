"""The sections of `config.toml` that hold single settings, with their defaults."""

from __future__ import annotations

import msgspec


class DaemonSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[daemon]`"""

    port: int = 4747
    """TCP port on loopback; 0 takes any free one."""
    on_error: str = "open"
    """What happens to a call that cannot be decided: `open` forwards it, marked; `closed` refuses it."""
    idle_exit: float = 0
    """Seconds without a session and a call after which the daemon ends; 0 is never."""
    follow_logs: bool = True
    """Whether what agents write down themselves is read, at once and while they go on."""


class NetworkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[network]`: how providers are reached; what is unset comes from the environment of each run."""

    proxy: str | None = None
    no_proxy: str | None = None
    ca_bundle: str | None = None


class LedgerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[ledger]`"""

    durability: str = "normal"
    """`normal` survives a killed process; `full` a power loss too, at the price of a disk flush per call."""
    presume_after: float = 600
    """Seconds after which a reservation that a crash left open is charged at its worst case."""


class InterruptedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[interrupted]`: how far an answer is read on whose client has left, where it is billed to its end anyway."""

    drain_seconds: float = 600
    drain_bytes: int = 33_554_432


class ProviderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[providers.NAME]`"""

    base_url: str | None = None
    on_disconnect: str = "auto"
    """What becomes of an answer whose client has left: one of `disconnects.SETTINGS`."""
    billing: str = "auto"
    """Who pays for its calls, one of `BILLINGS`; `auto` goes by credentials and answers."""


class AgentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[agents.NAME]`: an agent of the user's own, or a change to one that is known.

    In `args`, `env` and `files`, `{url}` stands for the address of the run, `{folder}` for its private folder.
    """

    commands: tuple[str, ...] = ()
    """Programs that are it; its name where none are given."""
    title: str | None = None
    extends: str | None = None
    """The agent that is known whose recipe it builds on; without it, the usual base-URL variables."""
    args: tuple[str, ...] = ()
    """Before those that the user gives."""
    env: dict[str, str] = {}
    files: dict[str, str] = {}
    """Name in the private folder -> text."""
    hold_seconds: int | None = None
    """How long it waits for an answer."""
    refusal: int | None = None
    """HTTP status of a refusal, one of `agents.REFUSALS`."""


class LoopSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[loops]`: what counts as running away. 0 switches a rule off."""

    repeats: int = 8
    """The same tool call with the same arguments, so many turns in a row; five times as many where each takes long."""
    identical: int = 5
    """The same request, so many times in a row, though it was answered."""
    failures: int = 20
    """So many calls of a conversation in a row that failed. Agents make ten attempts before they give up."""
    velocity: float = 0
    """Spending so many times as fast as the session's own history. There is no figure that fits everybody's work."""
    at_limit: str = "warn"
    """`warn`, `hold` or `refuse`."""
    actions: dict[str, str] = {}
    """Of single rules, in place of `at_limit`: `{ repeats = "hold" }`."""


class PreflightSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[preflight]`: notice of a single call that will be dear."""

    above: str | int | float | None = None
    """Likely cost of one call from which on it is noticed, such as `$2`."""
    at_limit: str = "warn"
    """One of `notices.ACTIONS`."""


class NotifySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[notify]`: who is told of held calls, of levels and of running away."""

    desktop: bool = False
    bell: bool = False
    """The terminal of a run rings when one of its calls waits."""
    webhook: str | None = None
    """URL to which JSON is posted; `https`, or of this machine. It may hold a secret: never told, never logged."""
    webhook_secret_file: str | None = None
    """File whose content signs the posts (HMAC-SHA256); nobody else may read it."""
    level: str = "soft"
    """The least level that is told, one of `notices.TOLD_LEVELS`."""


class TeamHookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[hooks.team]`: what differs for the budgets of a team."""

    commit: str | None = None
    push: str | None = None
    warn_at: str | None = None
    block_at: str | None = None


class HookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[hooks]`: what git hooks do where a budget runs out."""

    commit: str = "warn"
    """`off`, `warn` or `block`."""
    push: str = "warn"
    warn_at: str = "soft"
    """The level of a budget from which on hooks speak."""
    block_at: str = "hard"
    """The level from which on they stop what is set to `block`."""
    trailers: tuple[str, ...] = ()
    """What a commit's message names: of `hooks.TRAILERS`."""
    notes: bool = False
    """Whether what a commit cost is kept as a git note."""
    team: TeamHookSettings = TeamHookSettings()


class MetricsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[metrics]`: what is spent, for the monitoring of others."""

    port: int | None = None
    """TCP port on loopback where Prometheus finds `/metrics`; without it, only on the control socket."""
    repositories: bool = False
    """Whether repositories are named, by their folder."""
    otlp: str | None = None
    """Where OpenTelemetry's metrics are sent, by OTLP over HTTP, such as `http://127.0.0.1:4318`."""
    otlp_every: float = 60
    """Seconds between two posts, at least; nothing is posted while nothing has changed."""
