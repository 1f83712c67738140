"""Sessions of agents that work, and of agents that run in circles."""

from __future__ import annotations

from msgspec.structs import replace

from tokenguard.config.sections import LoopSettings
from tokenguard.guard import runaway
from tokenguard.guard.runaway import Finding, Runaway
from tokenguard.records import Call, Facts, Prompt, Trail

SECOND = 1_000_000
CENT = 10_000_000
HOLD = LoopSettings(at_limit="hold")


class Session:
    """A session whose calls are judged; time passes as its agents need it."""

    def __init__(self, settings: LoopSettings | None = None, *, ident: str = "s") -> None:
        self.runaway = Runaway(settings or LoopSettings())
        self.ident = ident
        self.now_us = 10**15
        self.calls = 0
        self.findings: list[Finding] = []

    def ask(self, conversation: Conversation | None = None, *, body: int = 0, likely: int = CENT) -> Call:
        """A call that is judged and has not ended."""
        facts = (conversation or Conversation(self)).facts(body)
        self.calls += 1
        call = Call(self.calls, self.ident, "claude", "anthropic", "anthropic-messages", facts.model, self.now_us)
        finding = self.runaway.judge(call, facts, likely)
        if finding is not None:
            self.findings.append(finding)
        return call

    def end(self, call: Call, *, failed: bool = False, nanos: int = CENT, took: float = 4) -> None:
        self.now_us += int(took * SECOND)
        self.runaway.settled(call, failed=failed, nanos=0 if failed else nanos, ended_us=self.now_us)

    def wait(self, seconds: float) -> None:
        self.now_us += int(seconds * SECOND)

    def rules(self) -> list[str]:
        """Of what was found since it was asked last."""
        rules = [finding.rule for finding in self.findings]
        self.findings.clear()
        return rules


class Conversation:
    """An agent's talk with a model."""

    def __init__(self, session: Session, opening: int = 1, model: str = "opus") -> None:
        self.session = session
        self.opening = opening
        self.model = model
        self.history: list[int] = []
        self.length = 0
        self.words = opening
        """What else tells it from others that began alike."""
        self.continues: str | None = None

    def facts(self, body: int = 0) -> Facts:
        calls = self.history[-1] if self.history else 0
        repeats = 0
        while calls and repeats < len(self.history) and self.history[-1 - repeats] == calls:
            repeats += 1
        trail = Trail(body or hash((self.words, self.length, self.continues)), "Bash" if calls else "", calls, repeats)
        opening = 0 if self.continues else self.opening
        return Facts(self.model, has_tools=True, prompt=Prompt(opening=opening, continues=self.continues), trail=trail)

    def say(self) -> None:
        """A person prompts; the model answers."""
        self.history.append(0)
        self.turn()

    def turn(self) -> None:
        """The model answers what there is."""
        call = self.session.ask(self)
        self.session.end(call, nanos=CENT + self.length % 100 * CENT // 50)
        self.length += 1

    def use(self, *calls: int, takes: float = 0.2) -> None:
        """Turns that call these tools, one after the other."""
        for one in calls:
            self.history.append(one)
            self.length += 1
            self.session.wait(takes)
            self.turn()


def test_the_same_call_again_and_again_is_found_once() -> None:
    session = Session()
    agent = Conversation(session)
    agent.say()
    agent.use(*[7] * 7)
    assert session.rules() == []
    agent.use(7)
    assert [(finding.rule, finding.action) for finding in session.findings] == [("repeats", "warn")]
    assert session.findings[0].text.startswith("the tool Bash was called 8 times in a row with the same arguments")
    session.findings.clear()
    agent.use(*[7] * 7)
    assert session.rules() == []
    agent.use(7)
    assert session.rules() == ["repeats"]


def test_a_hold_is_asked_for_until_a_person_approves() -> None:
    session = Session(HOLD)
    agent = Conversation(session)
    agent.use(*[7] * 8)
    session.ask(agent)
    session.ask(agent)
    assert session.rules() == ["repeats"] * 3
    session.runaway.excuse(session.ident)
    agent.use(*[7] * 7)
    assert session.rules() == []
    agent.use(7)
    assert session.rules() == ["repeats"]
    agent.say()
    agent.use(*[7] * 7)
    assert session.rules() == []


def test_an_approval_is_for_what_was_found_only() -> None:
    session = Session(HOLD)
    one, other = Conversation(session, 1), Conversation(session, 2)
    for _ in range(7):
        one.use(7)
        other.use(7)
        session.now_us -= 8 * SECOND
    other.use(7)
    session.now_us -= 4 * SECOND
    session.runaway.excuse(session.ident)
    session.runaway.excuse("another")
    session.rules()
    one.use(7)
    assert session.rules() == ["repeats"]


def test_a_refusal_is_repeated_until_there_is_a_new_prompt() -> None:
    session = Session(LoopSettings(actions={"repeats": "refuse"}))
    agent = Conversation(session)
    agent.use(*[7] * 9)
    assert [finding.action for finding in session.findings] == ["refuse", "refuse"]
    session.findings.clear()
    agent.say()
    assert session.rules() == []


def test_agents_side_by_side_that_do_the_same_are_not_one() -> None:
    session = Session()
    agents = [Conversation(session, opening) for opening in range(1, 31)]
    for _ in range(3):
        for agent in agents:
            agent.use(7)
    assert session.rules() == []


def test_agents_side_by_side_that_began_alike_are_not_one() -> None:
    session = Session()
    agents = [Conversation(session) for _ in range(30)]
    for number, agent in enumerate(agents):
        agent.words = 100 + number
    for calls in (7, 7, 7, 8, 9, 9):
        for agent in agents:
            agent.use(calls)
    assert session.rules() == []


def test_conversations_that_the_provider_holds_are_told_apart_by_what_they_call() -> None:
    session = Session()
    agents = [Conversation(session) for _ in range(10)]
    for calls in (7, 7, 8, 7):
        for number, agent in enumerate(agents):
            agent.continues = f"resp_{number}"
            agent.use(calls)
    assert session.rules() == []
    agents[0].use(*[9] * 8)
    assert session.rules() == ["repeats"]


def test_the_same_request_although_it_was_answered() -> None:
    session = Session()
    agent = Conversation(session)
    for _ in range(4):
        session.end(session.ask(agent, body=9))
    assert session.rules() == []
    session.end(session.ask(agent, body=9))
    assert session.rules() == ["identical"]


def test_the_same_request_side_by_side_or_after_errors_is_a_try() -> None:
    session = Session()
    agent = Conversation(session)
    for call in [session.ask(agent, body=9) for _ in range(12)]:
        session.end(call, failed=True)
    for _ in range(12):
        session.end(session.ask(agent, body=9), failed=True)
        session.end(session.ask(agent, body=9))
    assert session.rules() == []


def test_a_question_that_is_asked_on_a_schedule_is_not_identical() -> None:
    session = Session()
    agent = Conversation(session)
    for _ in range(50):
        session.end(session.ask(agent, body=9))
        session.wait(60)
    assert session.rules() == []


def test_a_storm_of_failures_is_found_and_blows_over() -> None:
    session = Session(LoopSettings(at_limit="refuse"))
    agent = Conversation(session)
    for _ in range(20):
        session.end(session.ask(agent), failed=True, took=1)
    assert session.rules() == []
    session.ask(agent)
    session.wait(30)
    session.ask(agent)
    assert session.rules() == ["failures", "failures"]
    session.wait(31)
    session.end(session.ask(agent), failed=True)
    assert session.rules() == []


def test_an_outage_that_meets_many_agents_is_no_storm() -> None:
    session = Session()
    for opening in range(1, 20):
        for _ in range(10):
            session.end(session.ask(Conversation(session, opening)), failed=True, took=0.1)
    assert session.rules() == []


def test_a_success_ends_a_storm() -> None:
    session = Session()
    agent = Conversation(session)
    for number in range(100):
        session.end(session.ask(agent), failed=number % 20 != 0, took=1)
    assert session.rules() == []


def test_a_race_is_found_and_becomes_usual_once_it_was_told() -> None:
    session = Session(LoopSettings(repeats=0, identical=0, velocity=10))
    agent = Conversation(session)
    for _ in range(200):
        agent.length += 1
        session.end(session.ask(agent), nanos=CENT, took=10)
    assert session.rules() == []
    for _ in range(60):
        agent.length += 1
        session.end(session.ask(agent), nanos=25 * CENT, took=10)
    assert session.rules() == ["velocity"]


def test_the_gravest_finding_is_given() -> None:
    settings = LoopSettings(repeats=8, identical=2, actions={"repeats": "hold", "identical": "refuse"})
    session = Session(settings)
    agent = Conversation(session)
    agent.use(*[7] * 8)
    session.end(session.ask(agent, body=9))
    session.ask(agent, body=9)
    assert session.rules() == ["repeats", "repeats", "identical"]


def test_a_rule_that_is_switched_off_finds_nothing() -> None:
    session = Session(LoopSettings(repeats=0, identical=0, failures=0))
    agent = Conversation(session)
    agent.use(*[7] * 50)
    for _ in range(50):
        session.end(session.ask(agent, body=9))
    for _ in range(50):
        session.end(session.ask(agent, body=9), failed=True)
    assert session.rules() == []


def test_a_warm_up_is_not_judged() -> None:
    session = Session()
    facts = replace(Conversation(session).facts(9), max_output=0, trail=Trail(9, "Bash", 7, 99))
    call = Call(1, "s", "codex", "openai", "openai-responses", "gpt", 0)
    assert session.runaway.judge(call, facts, 0) is None


def test_what_ended_is_forgotten() -> None:
    session = Session()
    agent = Conversation(session)
    agent.use(*[7] * 7)
    waiting = session.ask(agent)
    session.runaway.forget(session.ident)
    session.runaway.settled(waiting, failed=True, nanos=1, ended_us=session.now_us)
    assert vars(session.runaway)["_asked"] == {} and vars(session.runaway)["_sessions"] == {}
    # What the next request shows by itself still counts.
    agent.use(7)
    assert session.rules() == ["repeats"]


def test_memory_is_bounded() -> None:
    session = Session()
    for opening in range(1, 1_000):
        session.ask(Conversation(session, opening))
    inside = vars(session.runaway)
    assert len(inside["_sessions"]["s"].conversations) == vars(runaway)["_MOST_CONVERSATIONS"]
    for number in range(12_000):
        call = Call(number, f"s{number}", "claude", "anthropic", "anthropic-messages", "opus", 0)
        session.runaway.judge(call, Facts("opus"), 0)
    assert len(inside["_sessions"]) == vars(runaway)["_MOST_SESSIONS"]
    assert len(inside["_asked"]) == vars(runaway)["_MOST_CALLS"]
    session.runaway.settled(session.ask(), failed=False, nanos=1, ended_us=1)


def test_an_afternoon_of_honest_work_is_without_a_finding() -> None:
    session = Session(LoopSettings(velocity=20))
    agent = Conversation(session)
    for task in range(40):
        agent.say()
        tests, build, look = 100 + task, 200 + task, 300 + task
        agent.use(*range(1_000 + 20 * task, 1_010 + 20 * task))
        # Tests are run, mended and run again; a folder is looked at a few times; a build is awaited.
        for change in range(4):
            agent.use(tests, tests, takes=1.5)
            agent.use(2_000 + 10 * task + change)
        agent.use(*[look] * 5)
        agent.use(*[build] * 20, takes=30)
        # Somebody who starts the same failing command again approves each time.
        agent.use(*[400 + task] * 9, takes=6)
        # Agents of its own do the same beside it, with other words and with the same.
        helpers = [Conversation(session, 10 * task + helper % 3) for helper in range(6)]
        for number, helper in enumerate(helpers):
            helper.words = 1_000 + number
        for step in (1, 1, 2, 2, 2, 3):
            for helper in helpers:
                helper.use(step, takes=0.05)
        # The provider is overloaded for a while.
        for attempt in range(10):
            session.end(session.ask(agent), failed=True, took=1)
            session.wait(min(2**attempt / 2, 32))
        agent.turn()
        # Small questions beside it, the same ones now and then.
        for _ in range(3):
            session.end(session.ask(Conversation(session, 99, "haiku"), body=5), nanos=1_000, took=1)
            session.wait(40)
        session.wait(600 if task % 10 == 9 else 20)
    assert session.findings == []
