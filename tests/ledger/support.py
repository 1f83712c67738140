"""Calls, settlements and ledgers to test with."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from hypothesis import strategies as st
from msgspec import Struct

from tokenguard.ledger import Settlement, writes
from tokenguard.ledger.filling import fill
from tokenguard.ledger.migrations import migrate
from tokenguard.ledger.phases import choose
from tokenguard.ledger.rollups import BLOCK, HOUR_US, SHIFT
from tokenguard.ledger.sums import SUMS
from tokenguard.policy.measure import is_notional
from tokenguard.records import BILLINGS, Amount, Call, Charge, Confidence, Leg, Session, Totals, Usage, Verdict

START_US = 1_763_719_200_000_000
"""2025-11-21 10:00 UTC."""
SECOND_US = 1_000_000
QUARTER_US = HOUR_US // 4
PHASES = st.sampled_from([0, QUARTER_US, 2 * QUARTER_US, 3 * QUARTER_US])
"""In microseconds: that of most zones, and of those that are half an hour or a quarter off."""


def in_memory(phase_us: int = 0) -> sqlite3.Connection:
    """A ledger without a file, for what neither writer thread nor disk matters to, with sums by hours of this phase."""
    conn = sqlite3.connect(":memory:", isolation_level=None)
    migrate(conn)
    choose(conn, phase_us)
    fill(conn)
    return conn


def contents(conn: sqlite3.Connection) -> Counter[tuple[object, ...]]:
    """The sums that are kept, whatever numbers stand for their keys."""
    names = "repo, branch, agent, provider, model, task, request_class, billing, confidence, leg, role"
    whose = "t.session || '/' || t.agent_session || '/' || t.subagent"
    spell = f"r.start >> 32 || ' ' || {whose}"
    start = f"CASE r.size WHEN -1 THEN {whose} WHEN -4 THEN {spell} WHEN -11 THEN {spell} ELSE r.start END"
    sql = f"""SELECT {names}, r.size, {start}, {", ".join(f"r.{name}" for name in SUMS)}
        FROM rollups AS r JOIN rollup_keys AS k ON k.id = r.key
        LEFT JOIN rollup_threads AS t ON t.id = iif(r.size IN (-4, -11), r.start & 0xffffffff, r.start)"""
    return Counter(conn.execute(sql).fetchall())


def call(number: int, *, session: str = "s1", model: str = "opus", started_us: int | None = None) -> Call:
    """A call that starts `number` seconds after `START_US` unless it says otherwise."""
    return Call(
        id=number,
        session=session,
        agent="claude",
        provider="anthropic",
        dialect="anthropic-messages",
        model=model,
        started_us=START_US + number * SECOND_US if started_us is None else started_us,
        stream=True,
        repo="/src/web",
        branch="main",
    )


def settlement(of: Call, nanos: int = 1_000, confidence: Confidence = Confidence.EXACT) -> Settlement:
    """A charge of one leg with 10 tokens in and 2 out."""
    usage = Usage(input=10, output=2)
    return Settlement(
        call=of,
        charge=Charge(nanos, confidence, leg_nanos=(nanos,)),
        ended_us=of.started_us + SECOND_US,
        outcome="ok",
        legs=(Leg(of.model, usage),),
        usage=usage,
        served=of.model,
        response_id=f"msg_{of.id}",
        status=200,
    )


def session(name: str, started_us: int = START_US) -> Session:
    """A session with every kind of field set."""
    return Session(
        id=name,
        agent="claude",
        started_us=started_us,
        repo="/src/web",
        worktree="/src/web-2",
        branch="main",
        labels=(("team", "web"),),
        budget="5",
        upstreams=(("anthropic", "https://gateway.example"),),
    )


class Entry(Struct, frozen=True):
    """A call and what became of it."""

    call: Call
    state: str
    reserved: Amount
    settlement: Settlement

    @property
    def charged(self) -> bool:
        return self.state in ("settled", "presumed")

    def totals(self) -> Totals:
        """The entry alone, as sums over calls count it."""
        charge = self.settlement.charge
        if self.state == "presumed":
            sums = Totals(1, self.reserved.nanos, Usage(), Confidence.BOUND, below_nanos=self.reserved.nanos)
        elif charge is None:
            sums = Totals(1, 0, self.settlement.usage, Confidence.ESTIMATED, unpriced=1)
        else:
            sums = Totals(1, charge.nanos, self.settlement.usage, charge.confidence, 0, *self.widths())
            sums += Totals(saved_nanos=sum(charge.leg_saved))
        return self.as_billed(sums)

    def as_billed(self, sums: Totals) -> Totals:
        """Sums at list price, as they count for who pays for the call."""
        if not is_notional(self.billing):
            return sums
        notional = Totals(notional_nanos=sums.cost_nanos, notional_saved_nanos=sums.saved_nanos)
        nothing = dict.fromkeys(("cost_nanos", "below_nanos", "above_nanos", "saved_nanos"), 0)
        return msgspec.structs.replace(sums, **nothing) + notional

    @property
    def confidence(self) -> Confidence:
        """Of its charge; what has no price is not exact."""
        return self.totals().confidence

    @property
    def billing(self) -> str:
        """Who pays in the end: what was expected holds until the settlement says otherwise."""
        return self.settlement.call.billing if self.state == "settled" else self.call.billing

    def amount(self) -> tuple[Amount, Amount]:
        """The entry alone, as budgets count it, and of its dollars what is notional."""
        if self.state == "presumed":
            most = self.reserved.tokens
            amount = Amount(self.reserved.nanos, most, 1, Usage(most, most, most, 0, most))
        else:
            charge, usage = self.settlement.charge, self.settlement.usage
            above = charge.high_nanos - charge.nanos if charge and charge.high_nanos is not None else 0
            amount = Amount(charge.nanos if charge else 0, usage.total, 1, usage, above)
        return amount, Amount(amount.nanos, above=amount.above) if is_notional(self.billing) else Amount()

    def widths(self) -> tuple[int, int]:
        """How much less and how much more than its charge the call can have cost."""
        charge = self.settlement.charge
        if charge is None or charge.low_nanos is None or charge.high_nanos is None:
            return 0, 0
        return charge.nanos - charge.low_nanos, charge.high_nanos - charge.nanos

    def totals_by_model(self) -> dict[str, Totals]:
        """The entry alone, as sums by model count it: once under each model of its legs."""
        legs = self.settlement.legs if self.state == "settled" else ()
        if not legs:
            return {self.call.model: self.totals()}
        charge = self.settlement.charge
        parts: dict[str, Totals] = {}
        for index, leg in enumerate(legs):
            nanos = charge.leg_nanos[index] if charge else 0
            before = parts.get(leg.model, Totals(calls=1, confidence=self.totals().confidence))
            usage = leg.usage if leg.billed else Usage()
            widths = (0, 0) if index else self.widths()
            saved = charge.leg_saved[index] if charge else 0
            part = Totals(0, nanos, usage, Confidence.EXACT, 0, *widths, saved_nanos=saved)
            parts[leg.model] = before + self.as_billed(part)
        unpriced = 0 if charge else 1
        return {model: sums + Totals(unpriced=unpriced) for model, sums in parts.items()}


def labels_of(entry: Entry, keys: Sequence[str]) -> Iterator[tuple[tuple[str | None, ...], Totals]]:
    """What an entry is called in a report by these keys, and what it adds there; by model, for each of its models."""
    parts = entry.totals_by_model() if "model" in keys else {entry.call.model: entry.totals()}
    for model, sums in parts.items():
        made = msgspec.structs.replace(entry.call, model=model, billing=entry.billing)
        yield tuple(_label_of(made, key, entry.confidence) for key in keys), sums


def _label_of(call: Call, key: str, confidence: Confidence) -> str | None:
    if key == "sub-agent":
        return call.subagent_type or call.subagent
    if key == "conversation":
        return call.agent_session or call.session
    if key == "task":
        return call.task or (f"~{call.task_type}" if call.task_type else None)
    if key == "confidence":
        return confidence
    label: str | None = getattr(call, key.replace("-", "_"))
    return label


def write(conn: sqlite3.Connection, entries: list[Entry]) -> None:
    """Bring entries into the ledger on the ways that calls take."""
    for entry in entries:
        if entry.state == "presumed":
            writes.reserve(conn, entry.call, entry.reserved, None)
    writes.presume(conn, _NEVER, _NEVER)
    for entry in entries:
        if entry.state == "refused":
            writes.refuse(conn, entry.call, Verdict("refuse", "web/day", "used up"))
        elif entry.state != "presumed":
            writes.reserve(conn, entry.call, entry.reserved, None)
        if entry.state == "settled":
            writes.settle(conn, entry.settlement)


_NEVER = 2**62
_AMOUNTS = st.integers(0, 10**12)
_TOKENS = st.integers(0, 10**7)
_USAGES = st.builds(Usage, _TOKENS, _TOKENS, _TOKENS, _TOKENS, _TOKENS, _TOKENS)
_LEGS = st.builds(Leg, st.sampled_from(["opus", "haiku", "gpt"]), _USAGES, billed=st.booleans())
_NAMES = st.sampled_from([None, "a", "b-1", "b-2"])


def instants(span_us: int) -> st.SearchStrategy[int]:
    """Of a span, counted from its beginning: anywhere, or where a quarter, an hour, a shift or a block begins."""

    def beginning(at: int, unit: int) -> int:
        return (START_US + at) // unit * unit - START_US

    anywhere = st.integers(0, span_us)
    units = st.sampled_from([QUARTER_US, HOUR_US, SHIFT * HOUR_US, BLOCK * HOUR_US])
    return st.one_of(anywhere, st.builds(beginning, anywhere, units))


@st.composite
def entries(draw: st.DrawFn, span_us: int = 400 * 86_400 * SECOND_US) -> list[Entry]:
    """Up to 12 calls that start within a span, in every state, of every confidence, with up to three legs."""
    return [_entry(draw, number, span_us) for number in range(1, draw(st.integers(1, 12)) + 1)]


def _entry(draw: st.DrawFn, number: int, span_us: int) -> Entry:
    made = Call(
        id=number,
        session=draw(st.sampled_from(["s1", "s2", "s3"])),
        agent=draw(st.sampled_from(["claude", "codex"])),
        provider=draw(st.sampled_from(["anthropic", "openai"])),
        dialect="openai-chat",
        model=draw(st.sampled_from(["opus", "haiku", "gpt"])),
        started_us=START_US + draw(instants(span_us)),
        repo=draw(_NAMES),
        branch=draw(_NAMES),
        task=draw(_NAMES),
        request_class=draw(st.sampled_from(["main", "title"])),
        billing=draw(st.sampled_from(BILLINGS)),
        subagent=draw(st.sampled_from([None, "a1", "a2"])),
        subagent_type=draw(st.sampled_from([None, "Explore"])),
        agent_session=draw(st.sampled_from([None, "x", "y"])),
        task_type=draw(st.sampled_from([None, "test"])),
    )
    legs = tuple(draw(st.lists(_LEGS, max_size=3)))
    costs = tuple(draw(_AMOUNTS) for _ in legs)
    usage = sum((leg.usage for leg in legs if leg.billed), Usage())
    saved = tuple(draw(st.integers(-(10**9), 10**12)) for _ in legs)
    charge = Charge(sum(costs), draw(st.sampled_from(Confidence)), leg_nanos=costs, leg_saved=saved)
    if draw(st.booleans()):
        low, above = draw(st.integers(0, charge.nanos)), draw(_AMOUNTS)
        charge = msgspec.structs.replace(charge, low_nanos=low, high_nanos=charge.nanos + above)
    return Entry(
        call=made,
        state=draw(st.sampled_from(["settled", "settled", "settled", "presumed", "refused", "open"])),
        reserved=Amount(draw(_AMOUNTS), draw(_TOKENS), 1),
        settlement=Settlement(
            call=msgspec.structs.replace(made, billing=draw(st.sampled_from(BILLINGS))),
            charge=draw(st.sampled_from([charge, charge, charge, None])),
            ended_us=made.started_us + SECOND_US,
            outcome="ok",
            legs=legs,
            usage=usage,
        ),
    )
