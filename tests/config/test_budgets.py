from __future__ import annotations

import os
import socket
import time
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenguard.config import budget_table
from tokenguard.config.budget_values import MOST_OVERSHOOT
from tokenguard.config.budgets import (
    parse_budgets,
    read_machine_budgets,
    read_repository_budgets,
    write_machine_budgets,
)
from tokenguard.errors import ConfigError
from tokenguard.policy.budgets import ACTIONS, applies
from tokenguard.policy.measure import BUCKETS, COUNTS
from tokenguard.policy.windows import KINDS
from tokenguard.records import Budget, Call, Unit

FILE = Path("/home/x/config.toml")


def parse(**table: object) -> Budget:
    (budget,) = parse_budgets([{"name": "day", "limit": "$20", "window": "day", **table}], FILE)
    return budget


def test_what_is_left_out_has_its_default() -> None:
    assert parse() == Budget("day", 20 * 10**9, window="day", source=str(FILE))


def test_everything_that_can_be_said_is_kept() -> None:
    assert parse(
        scope="repo",
        limit="2M tokens",
        window="month",
        timezone="Europe/Berlin",
        month_start=15,
        match={"model": "claude-opus-*", "billing": "metered"},
        levels=[10, 20, 30],
        at_limit="downgrade",
        downgrade={"claude-opus-*": "claude-sonnet-5", "*": "claude-haiku-5"},
        overshoot=0.01,
        clamp=True,
        bucket="output",
        landing="10%",
        landing_release="auto",
        forecast=True,
    ) == Budget(
        "day",
        2_000_000,
        scope="repo",
        unit=Unit.TOKENS,
        window="month",
        timezone="Europe/Berlin",
        month_start=15,
        match=(("billing", "metered"), ("model", "claude-opus-*")),
        levels=(10, 20, 30),
        at_limit="downgrade",
        downgrade=(("claude-opus-*", "claude-sonnet-5"), ("*", "claude-haiku-5")),
        overshoot=0.01,
        clamp=True,
        bucket="output",
        landing=200_000,
        landing_release="auto",
        forecast=True,
        source=str(FILE),
    )
    assert parse(window="week", week_start="sunday").week_start == 6
    assert parse(window="rolling 5h", mode="strict", counts="all") == Budget(
        "day", 20 * 10**9, window="rolling 5h", mode="strict", counts="all", source=str(FILE)
    )


def test_an_official_window_has_a_percentage() -> None:
    (budget,) = parse_budgets([{"name": "plan", "limit": "90%", "official": "anthropic/five_hour"}], FILE)
    assert budget == Budget("plan", 90, unit=Unit.PERCENT, official="anthropic/five_hour", source=str(FILE))


def test_no_call_may_move_from_subscription_to_credits() -> None:
    budget = parse(limit=0, window="total", match={"billing": "credits"})
    assert (budget.limit, budget.match) == (0, (("billing", "credits"),))


def test_a_landing_reserve_is_an_amount_or_a_part() -> None:
    assert parse(landing="$2").landing == parse(landing="10%").landing == parse(landing=2).landing == 2 * 10**9
    (budget,) = parse_budgets(
        [{"name": "plan", "limit": "90%", "official": "anthropic/five_hour", "landing": "5%"}], FILE
    )
    assert budget.landing == 5


def test_a_downgrade_map_may_wait() -> None:
    budget = parse(at_limit="refuse", downgrade={"claude-opus-*": "claude-sonnet-5"})
    assert (budget.at_limit, budget.downgrade) == ("refuse", (("claude-opus-*", "claude-sonnet-5"),))


def test_the_cheapest_model_stays_what_it_is() -> None:
    assert parse(at_limit="downgrade", downgrade={"*": "claude-haiku-5"}).downgrade == (("*", "claude-haiku-5"),)


def test_a_bare_number_is_dollars_and_exact() -> None:
    assert parse(limit=5).limit == 5 * 10**9
    assert parse(limit=0.1).limit == 10**8


def test_a_session_budget_lasts_a_session() -> None:
    (budget,) = parse_budgets([{"name": "run", "limit": 5, "scope": "session"}], FILE)
    assert budget.window == "session"


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ({"limit": "20 euro"}, 'config.toml: budget "day": limit "20 euro" is not an amount; use "$20", "2M tokens"'),
        ({"limit": "0"}, 'budget "day": limit is zero'),
        ({"limit": "-5"}, "is not an amount"),
        ({"scope": "planet"}, 'scope "planet" is not known; use one of session, repo'),
        ({"window": "fortnight"}, 'window "fortnight" is not known; use one of session, day'),
        ({"window": "session"}, 'window "session" needs scope "session"'),
        ({"at_limit": "explode"}, 'at_limit "explode" is not known; use one of refuse, hold, downgrade, warn'),
        ({"mode": "lax"}, 'mode "lax" is not known; use one of calibrated, strict'),
        ({"match": {"colour": "red"}}, 'match "colour" is not known; use one of agent'),
        ({"match": {"model": "[ab]*"}}, "has a bracket"),
        ({"levels": [75, 50, 90]}, "levels must rise"),
        ({"levels": [50, 75]}, "levels are three percents"),
        ({"levels": [0, 75, 100]}, "levels must rise and lie between 1 and 99"),
        ({"timezone": "Mars/Base"}, 'timezone "Mars/Base" is not known'),
        ({"timezone": "../../etc/passwd"}, "is not known"),
        ({"name": "a b"}, "name: it must be letters"),
        ({"limits": 5}, 'budget "day": unknown key "limits"; accepted are name, limit, scope'),
        ({"levels": "50"}, 'budget "day": levels: expected `array`, got `str`'),
        ({"limit": float("nan")}, 'limit "nan" is not an amount'),
        ({"limit": float("inf")}, 'limit "inf" is not an amount'),
        ({"limit": True}, "limit: expected"),
        ({"limit": 1e30}, 'limit "1e+30" is not an amount'),
        ({"limit": 10**10}, "limit is more than $1,000,000,000; check its unit"),
        ({"limit": 16**9999}, 'limit "a very large number" is not an amount'),
        ({"limit": "9" * 9000}, "is not an amount"),
        ({"limit": "9000000B tokens"}, "limit is more than 10^15 tokens"),
        ({"limit": "2000B calls"}, "limit is more than 10^12 calls"),
        ({"limit": "0.0000000001"}, "has a part smaller than a nanodollar; use fewer decimals"),
        ({"limit": "\x1b[2J"}, 'limit "\N{REPLACEMENT CHARACTER}[2J" is not an amount'),
        ({"limit": "90%"}, "limit is a percentage, and nothing says of what; set official to anthropic/five_hour"),
        ({"limit": "90%", "official": "anthropic/five_hour"}, "window means nothing here; leave it out"),
        ({"official": "anthropic/five_hour"}, 'official means nothing here; it needs a limit such as "90%"'),
        ({"limit": "90%", "official": "openai/hour"}, 'official "openai/hour" is not known; use one of anthropic/'),
        ({"scope": "team"}, "a limit of a team stands in [[team.budget]] of a repository; see tokenguard team init"),
        ({"window": "rolling 5 h"}, 'window "rolling 5 h" is not known; use one of session, day'),
        ({"window": "rolling 400d"}, 'window "rolling 400d" is not known'),
        ({"week_start": "sunday"}, 'week_start means nothing here; it needs window = "week"'),
        ({"window": "rolling 7d", "week_start": "sunday"}, "week_start means nothing here"),
        ({"window": "week", "week_start": "Sunday"}, 'week_start "Sunday" is not known; use one of monday, tuesday'),
        ({"window": "week", "month_start": 2}, "month_start means nothing here; it needs a window of month, quarter"),
        ({"window": "month", "month_start": 29}, "month_start 29 is not a day of every month; use 1 to 28"),
        ({"window": "month", "month_start": 0}, "month_start 0 is not a day of every month"),
        ({"match": {"billing": "credit"}}, 'match.billing "credit" is not known; use one of metered, subscription'),
        ({"match": {"billing": "subscription"}}, "it counts nothing: nobody is billed for calls of match.billing"),
        ({"match": {"billing": "metered"}, "limit": 0}, "limit is zero"),
        ({"match": {"model": ""}}, 'match.model "" is no pattern'),
        ({"match": {"branch": "\x1b]0;x\x07"}}, "is no pattern"),
        ({"match": {"model": "*" * 1001}}, "is no pattern; use 1 to 1000 printable characters"),
        ({"overshoot": 0}, "overshoot 0.0 is not a probability above 0 and up to 0.5"),
        ({"overshoot": 0.51}, "overshoot 0.51 is not a probability"),
        ({"overshoot": float("nan")}, "overshoot nan is not a probability"),
        ({"overshoot": 0.1, "mode": "strict"}, 'overshoot means nothing here; it needs mode = "calibrated"'),
        ({"counts": "some"}, 'counts "some" is not known; use one of billed, all'),
        ({"counts": "all", "limit": "5 calls"}, "counts means nothing here; it needs a limit in dollars"),
        ({"bucket": "output"}, "bucket means nothing here; it needs a limit in tokens"),
        ({"bucket": "reasoning", "limit": "5 tokens"}, 'bucket "reasoning" is not known; use one of input, cache_read'),
        ({"at_limit": "downgrade"}, 'at_limit "downgrade" needs downgrade; such as'),
        ({"downgrade": {"a": "a"}}, 'downgrade "a" leads to itself; name a cheaper model'),
        ({"downgrade": {"a": "b", "b": "a"}}, 'downgrade leads from "b" back to it'),
        ({"downgrade": {"a*": "b1", "b*": "c1", "c*": "a1"}}, 'downgrade leads from "b1" back to it'),
        ({"downgrade": {"a": "b*"}}, 'downgrade "a" leads to "b*", which is not a model'),
        ({"downgrade": {"[a]": "b"}}, 'downgrade "[a]" has a bracket'),
        ({"clamp": True, "limit": "5 calls"}, "clamp means nothing here; it needs a limit that less output can keep"),
        ({"clamp": True, "limit": "5 tokens", "bucket": "input"}, "clamp means nothing here"),
        ({"clamp": True, "at_limit": "warn"}, "clamp means nothing here"),
        ({"landing": "$20"}, 'landing "$20" must be more than nothing and less than the limit; such as "10%"'),
        ({"landing": "0%"}, 'landing "0%" must be more than nothing'),
        ({"landing": "5%", "limit": "10 calls"}, 'landing "5%" must be more than nothing'),
        ({"landing": "100%"}, 'landing "100%" must be more than nothing and less than the limit'),
        ({"landing": "5 calls"}, "landing is in calls, the limit in dollars"),
        ({"landing": "$2", "at_limit": "warn"}, "landing means nothing here; a budget that only warns"),
        ({"landing": "soon"}, 'landing "soon" is not an amount'),
        ({"landing_release": "auto"}, "landing_release means nothing here; it needs landing"),
        ({"landing": "$2", "landing_release": "never"}, 'landing_release "never" is not known; use one of command'),
        ({"forecast": True, "window": "total"}, "forecast means nothing here; it needs a window that ends: day, week"),
        ({"forecast": True, "window": "rolling 5h"}, "forecast means nothing here; it needs a window that ends: day"),
        ({"forecast": "yes"}, "forecast: expected `bool`, got `str`"),
    ],
)
def test_what_is_wrong_is_named_with_file_budget_key_and_remedy(table: dict[str, object], error: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(**table)
    assert error in str(raised.value)
    assert str(raised.value).startswith("config.toml: budget ")


def test_an_official_window_cannot_be_strict() -> None:
    table = {"name": "plan", "limit": "90%", "official": "anthropic/five_hour", "mode": "strict"}
    with pytest.raises(ConfigError, match="mode means nothing here; nobody knows beforehand how much"):
        parse_budgets([table], FILE)


def test_the_name_of_a_budget_does_not_reach_the_terminal_as_it_is() -> None:
    with pytest.raises(ConfigError) as raised:
        parse_budgets([{"name": "\x1b]0;x\x07" * 100, "limit": 5}], FILE)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 200


def test_every_field_of_a_budget_can_be_written() -> None:
    every = {field for field in Budget.__struct_fields__ if field not in ("unit", "source", "owner")}
    assert set(budget_table.BudgetTable.__struct_fields__) == every


def test_the_example_of_the_interface_loads() -> None:
    text = """
    [[budget]]
    name = "opus-day"
    scope = "repo"
    match = { model = "claude-opus-*" }
    limit = "$20"
    window = "day"
    timezone = "Europe/Berlin"
    levels = [50, 75, 90]
    at_limit = "refuse"
    downgrade = { "claude-opus-*" = "claude-sonnet-5" }
    mode = "calibrated"
    counts = "billed"
    """
    (budget,) = parse_budgets(tomllib.loads(text)["budget"], FILE)
    assert (budget.name, budget.limit, budget.downgrade[0][1]) == ("opus-day", 20 * 10**9, "claude-sonnet-5")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match='config.toml: budget "day": window is missing; use one of'):
        parse_budgets([{"name": "day", "limit": 5}], FILE)
    with pytest.raises(ConfigError, match="config.toml: budget 1: object missing required field `name`"):
        parse_budgets([{"limit": 5}], FILE)


def test_a_name_stands_once() -> None:
    table = {"name": "day", "limit": 5, "window": "day"}
    with pytest.raises(ConfigError, match="the name is used twice"):
        parse_budgets([table, table], FILE)


def test_the_machine_file_reads_back_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    budgets = (
        Budget("a", 123_456_789, source=str(file)),
        Budget("b", 0, unit=Unit.CALLS, scope="repo", window="month", timezone="UTC", match=(("model", "*"),),
               levels=(1, 2, 3), at_limit="warn", mode="strict", source=str(file)),
    )  # fmt: skip
    write_machine_budgets(file, budgets)
    assert read_machine_budgets(file) == budgets
    assert file.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["budgets.toml"]


GLOBS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="["), min_size=1)
MODELS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,20}", fullmatch=True)
WINDOWS = st.sampled_from([kind for kind in KINDS if kind != "session"]) | st.builds(
    "rolling {}{}".format, st.integers(1, 52), st.sampled_from("mhdw")
)


@st.composite
def budgets(draw: st.DrawFn, name: str) -> Budget:
    """Any budget that can be written."""

    def chosen(condition: bool, key: str, values: st.SearchStrategy[Any]) -> dict[str, Any]:
        return {key: draw(values)} if condition and draw(st.booleans()) else {}

    unit = draw(st.sampled_from(Unit))
    official = unit is Unit.PERCENT
    window = "total" if official else draw(WINDOWS)
    at_limit = draw(st.sampled_from(ACTIONS))
    limit = draw(st.integers(2, 100 if official else 10**12))
    given: dict[str, Any] = {"scope": "global" if official else draw(st.sampled_from(budget_table.SCOPES))}
    if official:
        given["official"] = draw(st.sampled_from(budget_table.OFFICIAL))
    else:
        given["mode"] = draw(st.sampled_from(budget_table.MODES))
    calibrated = given.get("mode") == "calibrated"
    given |= chosen(window == "week", "week_start", st.integers(0, 6))
    given |= chosen(window in ("month", "quarter", "year"), "month_start", st.integers(1, 28))
    given |= chosen(True, "timezone", st.sampled_from(["UTC", "Asia/Kathmandu", "America/Argentina/Buenos_Aires"]))
    given |= chosen(True, "match", st.just((("billing", "metered"), ("model", draw(GLOBS)))))
    given |= chosen(True, "levels", st.sampled_from([(1, 2, 3), (97, 98, 99)]))
    given |= chosen(calibrated, "overshoot", st.floats(0, MOST_OVERSHOOT, exclude_min=True))
    given |= chosen(unit is Unit.USD, "counts", st.sampled_from(COUNTS))
    given |= chosen(unit is Unit.TOKENS, "bucket", st.sampled_from(sorted(BUCKETS)))
    given |= chosen(window in ("day", "week", "month", "quarter", "year"), "forecast", st.booleans())
    less = unit is Unit.USD or (unit is Unit.TOKENS and given.get("bucket") in (None, "output"))
    if at_limit != "warn":
        given |= chosen(less, "clamp", st.booleans())
        given |= chosen(True, "landing", st.integers(1, limit - 1))
        given |= chosen("landing" in given, "landing_release", st.sampled_from(budget_table.RELEASES))
    if at_limit == "downgrade" or draw(st.booleans()):
        model = draw(MODELS)
        given["downgrade"] = tuple({glob: model for glob in draw(st.lists(GLOBS, min_size=1)) if glob != model}.items())
        if not given["downgrade"]:
            given["downgrade"] = ((f"{model}-dear", model),)
    return Budget(name, limit, unit=unit, window=window, at_limit=at_limit, **given)


@settings(max_examples=300, deadline=None)
@given(st.tuples(budgets("a"), budgets("b")))
def test_whatever_is_written_reads_back(tmp_path_factory: pytest.TempPathFactory, written: tuple[Budget, ...]) -> None:
    file = tmp_path_factory.mktemp("config") / "budgets.toml"
    write_machine_budgets(file, written)
    read = read_machine_budgets(file)
    assert [msgspec.structs.replace(budget, source="") for budget in read] == list(written)
    assert {budget.source for budget in read} == {str(file)}


def test_no_machine_file_is_no_budget(tmp_path: Path) -> None:
    assert read_machine_budgets(tmp_path / "budgets.toml") == ()


def test_a_machine_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        write_machine_budgets(tmp_path / "absent" / "budgets.toml", ())


class TestRepositoryFile:
    def read(self, folder: Path, text: str, repo: str = "/x/web") -> tuple[Budget, ...]:
        (folder / "tokenguard.toml").write_text(text)
        return read_repository_budgets(folder, repo)

    def test_a_repository_can_add_a_budget_for_itself_only(self, tmp_path: Path) -> None:
        (budget,) = self.read(tmp_path, '[[budget]]\nname = "day"\nlimit = 5\nwindow = "day"\n')
        call = Call(1, "s", "claude", "anthropic", "d", "m", 0, repo="/x/web")
        assert applies(budget, call)
        assert not applies(budget, Call(1, "s", "claude", "anthropic", "d", "m", 0, repo="/x/other"))

    def test_a_repository_path_with_wildcards_matches_itself_only(self, tmp_path: Path) -> None:
        (budget,) = self.read(tmp_path, '[[budget]]\nname = "day"\nlimit = 5\nwindow = "day"\n', repo="/x/w[e]*")
        assert applies(budget, Call(1, "s", "claude", "anthropic", "d", "m", 0, repo="/x/w[e]*"))
        assert not applies(budget, Call(1, "s", "claude", "anthropic", "d", "m", 0, repo="/x/webs"))

    @pytest.mark.parametrize(
        "text",
        [
            '[providers.anthropic]\nbase_url = "http://evil.example"\n',
            '[providers.anthropic]\nbilling = "local"\n',
            '[daemon]\non_error = "open"\n',
            '[network]\nproxy = "http://evil.example"\n',
            '[agents.x]\ncommand = "rm"\n',
            '[notify]\nwebhook = "http://evil.example"\n',
            "[loops]\nrepeats = 0\n",
            '[preflight]\nat_limit = "warn"\n',
            "[interrupted]\ndrain_seconds = 0\n",
            "[ledger]\npresume_after = 0\n",
            '[[price]]\nprovider = "anthropic"\nmodel = "*"\ninput = 0\noutput = 0\n',
            '"\\u001b[2J" = 1\n',
        ],
    )
    def test_a_repository_can_say_nothing_else(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ConfigError, match="a repository can only add budgets") as raised:
            self.read(tmp_path, text)
        assert str(raised.value).isprintable()

    @pytest.mark.parametrize(
        ("keys", "error"),
        [
            ('at_limit = "downgrade"\ndowngrade = { "*" = "dear" }', 'a repository cannot set at_limit "downgrade"'),
            ('downgrade = { "*" = "dear" }', "a repository cannot set downgrade, which changes requests"),
            ("clamp = true", "a repository cannot set clamp, which changes requests"),
            ('command = "rm"', 'unknown key "command"'),
            ("limit = 0", "limit is zero"),
        ],
    )
    def test_a_repository_cannot_change_requests(self, tmp_path: Path, keys: str, error: str) -> None:
        limit = "" if "limit = 0" in keys else "limit = 5\n"
        with pytest.raises(ConfigError, match=error):
            self.read(tmp_path, f'[[budget]]\nname = "day"\nwindow = "day"\n{limit}{keys}\n')

    @pytest.mark.parametrize("action", ["refuse", "hold", "warn"])
    def test_a_repository_can_stop_calls(self, tmp_path: Path, action: str) -> None:
        table = f'[[budget]]\nname = "day"\nlimit = 5\nwindow = "rolling 5h"\nat_limit = "{action}"\n'
        (budget,) = self.read(tmp_path, table)
        assert (budget.at_limit, budget.window) == (action, "rolling 5h")

    def test_a_repository_that_names_another_counts_nothing(self, tmp_path: Path) -> None:
        (budget,) = self.read(
            tmp_path, '[[budget]]\nname = "day"\nlimit = 5\nwindow = "day"\nmatch = { repo = "/x/other" }\n'
        )
        for repo in ("/x/web", "/x/other"):
            assert not applies(budget, Call(1, "s", "claude", "anthropic", "d", "m", 0, repo=repo))

    def test_budgets_without_number_are_too_many(self, tmp_path: Path) -> None:
        table = '[[budget]]\nname = "b{}"\nlimit = 5\nwindow = "day"\n'
        assert len(self.read(tmp_path, "".join(table.format(number) for number in range(50)))) == 50
        with pytest.raises(ConfigError, match="a repository can add 50 budgets, not 51"):
            self.read(tmp_path, "".join(table.format(number) for number in range(51)))

    def test_no_file_is_no_budget(self, tmp_path: Path) -> None:
        assert read_repository_budgets(tmp_path, "/x/web") == ()
        assert read_repository_budgets(tmp_path / "absent", "/x/web") == ()


class TestHostileFile:
    """Whatever a repository puts where its file would be, reading it is quick, and at worst an error."""

    def refused(self, folder: Path) -> str:
        begun = time.monotonic()
        with pytest.raises(ConfigError) as raised:
            read_repository_budgets(folder, "/x/web")
        assert time.monotonic() - begun < 2
        assert len(str(raised.value)) < 1000
        return str(raised.value)

    @pytest.mark.parametrize(
        ("content", "error"),
        [
            (b"\xff\xfe\x00", "cannot be read"),
            (b"# " + b"x" * (1 << 16), "is larger than 64 KiB"),
            (b"a = " + b"[" * 30_000, "recursion"),
            (b"a = " + b"{a=" * 10_000, "recursion"),
            (b"a." * 30_000 + b"a = 1", "a line has more than 100 dots"),
            (b"[" + b"a." * 30_000 + b"a]", "a line has more than 100 dots"),
            ("".join('"\u2028".' for _ in range(9_000)).encode() + b"a = 1", "a line has more than 100 dots"),
            (b"[[budget]]\nlimit = " + b"9" * 5_000, "digits"),
            (b"[[budget]]\n" * 5_000, "budget 1: object missing required field `name`"),
            (b"a = 1\n" * 2 + b"\x1b[2J", "line 2"),
            (b"\x1b[2J = 1", "line 1"),
            (b'"' + b"k" * 60_000 + b'" = 1\n"' + b"k" * 20 + b'" = 1', "a repository can only add budgets"),
        ],
    )
    def test_content(self, tmp_path: Path, content: bytes, error: str) -> None:
        (tmp_path / "tokenguard.toml").write_bytes(content)
        assert error in self.refused(tmp_path)

    def test_a_symbolic_link(self, tmp_path: Path) -> None:
        (tmp_path / "secret.toml").write_text('[[budget]]\nname = "day"\nlimit = 5\nwindow = "day"\n')
        (tmp_path / "tokenguard.toml").symlink_to("secret.toml")
        assert "is a symbolic link; put the file itself in its place" in self.refused(tmp_path)

    @pytest.mark.parametrize("target", ["tokenguard.toml", "absent", "/dev/zero", "/dev/tty"])
    def test_a_symbolic_link_to_nowhere_good(self, tmp_path: Path, target: str) -> None:
        (tmp_path / "tokenguard.toml").symlink_to(target)
        assert "is a symbolic link" in self.refused(tmp_path)

    def test_a_pipe(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "tokenguard.toml")
        assert "is not a file; remove it" in self.refused(tmp_path)

    def test_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "tokenguard.toml").mkdir()
        assert "is not a file" in self.refused(tmp_path)

    def test_a_socket(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)  # the path of a socket has to be short
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("tokenguard.toml")
            assert "cannot be read" in self.refused(tmp_path)

    def test_a_file_that_nobody_may_read(self, tmp_path: Path) -> None:
        file = tmp_path / "tokenguard.toml"
        file.touch(mode=0)
        if os.access(file, os.R_OK):
            pytest.skip("permissions do not hold for this user")
        assert "cannot be read" in self.refused(tmp_path)

    def test_reading_leaves_nothing_open(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "tokenguard.toml")
        before = os.open(os.devnull, os.O_RDONLY)
        os.close(before)
        for _ in range(3):
            self.refused(tmp_path)
        after = os.open(os.devnull, os.O_RDONLY)
        os.close(after)
        assert after == before
