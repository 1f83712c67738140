"""The documents say what the program does: every command, option and key, and none that does not exist."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import msgspec
import pytest

from tests.cli.support import every_command
from tokenguard import __version__
from tokenguard.agents import AGENTS, Agents
from tokenguard.cli.commands import root
from tokenguard.config import budget_table, prices, sections, settings, teams
from tokenguard.config.paths import find_paths
from tokenguard.ledger import habits
from tokenguard.policy import windows
from tokenguard.policy.budgets import ACTIONS, REPOSITORY_FILE
from tokenguard.policy.measure import BUCKETS, COUNTS
from tokenguard.policy.money import NANOS
from tokenguard.policy.task_types import ACTIVITIES, PURPOSES, TASK_TYPES, of_branch
from tokenguard.records import BILLINGS, Budget
from tokenguard.records.teams import TeamBudget
from tokenguard.reports import KEYS
from tokenguard.reports.advice import FINDERS, dear_answers
from tokenguard.reports.advice.shape import Advice, Change, Part

ROOT = Path(__file__).parent.parent
COMMANDS = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
BUDGETS = (ROOT / "docs/budgets.md").read_text(encoding="utf-8")
TEAM = (ROOT / "docs/team.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "[daemon]": sections.DaemonSettings,
    "[network]": sections.NetworkSettings,
    "[ledger]": sections.LedgerSettings,
    "[interrupted]": sections.InterruptedSettings,
    "[providers.NAME]": sections.ProviderSettings,
    "[agents.NAME]": sections.AgentSettings,
    "[loops]": sections.LoopSettings,
    "[preflight]": sections.PreflightSettings,
    "[notify]": sections.NotifySettings,
    "[hooks]": sections.HookSettings,
    "[metrics]": sections.MetricsSettings,
    "[[budget]]": budget_table.BudgetTable,
    "[[price]]": prices.PriceTable,
    "[team]": teams.TeamTable,
    "[[team.budget]]": teams.TeamBudgetTable,
}


def command_of(words: list[str]) -> click.Command:
    found: click.Command = root
    for word in words:
        assert isinstance(found, click.Group)
        below = found.get_command(click.Context(found), word)
        assert below is not None, f"there is no command {' '.join(words)}"
        found = below
    return found


def options_of(words: list[str]) -> set[str]:
    return {
        name
        for option in command_of(words).params
        if isinstance(option, click.Option) and not option.hidden
        for name in option.opts
        if name.startswith("--")
    } - {"--help"}


def parts_of(text: str) -> dict[str, str]:
    """Heading (without backquotes) -> what stands below it."""
    parts = re.split(r"^##+ (.+)$", text, flags=re.MULTILINE)
    return {heading.replace("`", ""): body for heading, body in zip(parts[1::2], parts[2::2], strict=True)}


def rows(body: str) -> dict[str, str]:
    """First cell (without backquotes) -> second cell of a section's tables."""
    cells = (line.split("|") for line in body.splitlines() if line.startswith("| `"))
    return {line[1].strip().strip("`"): line[2].strip() for line in cells}


@pytest.mark.parametrize("words", [words for words in every_command() if words], ids=" ".join)
def test_every_command_and_option_is_documented(words: list[str]) -> None:
    body = parts_of(COMMANDS)[f"tokenguard {' '.join(words)}"]
    assert {name.split()[0] for name in rows(body)} == options_of(words)


def test_no_other_command_is_documented() -> None:
    documented = {heading for heading in parts_of(COMMANDS) if heading.startswith("tokenguard")}
    assert documented == {f"tokenguard {' '.join(words)}" for words in every_command() if words}


def test_every_key_of_a_report_is_documented() -> None:
    body = parts_of(COMMANDS)["tokenguard report"]
    assert all(f"`{key}`" in body for key in KEYS)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_documented(section: str) -> None:
    documented = rows(parts_of(CONFIGURATION)[section])
    assert list(documented) == [field.name for field in msgspec.structs.fields(SECTIONS[section])]


def test_every_kind_of_work_is_documented() -> None:
    body = parts_of((ROOT / "docs/metering.md").read_text(encoding="utf-8"))["What kind of work it is"]
    assert tuple(rows(body)) == (*ACTIVITIES, *PURPOSES, "chat", "upkeep", "other")
    assert set(rows(body)) == set(TASK_TYPES)


def test_the_documented_branches_are_of_the_documented_kinds() -> None:
    body = parts_of((ROOT / "docs/metering.md").read_text(encoding="utf-8"))["What kind of work it is"]
    for line in body.splitlines():
        for branch in re.findall(r"`(\w+/)`", line):
            assert of_branch(branch) == line.split("`")[1]


def test_no_other_section_is_documented() -> None:
    assert [heading for heading in parts_of(CONFIGURATION) if heading.startswith("[")] == list(SECTIONS)


@pytest.mark.parametrize(
    "section",
    [
        "[daemon]",
        "[network]",
        "[ledger]",
        "[interrupted]",
        "[loops]",
        "[preflight]",
        "[notify]",
        "[hooks]",
        "[metrics]",
    ],
)
def test_documented_defaults_are_the_real_ones(section: str) -> None:
    documented = rows(parts_of(CONFIGURATION)[section])
    for field in msgspec.structs.fields(SECTIONS[section]):
        written = documented[field.name].strip("`")
        default = getattr(SECTIONS[section](), field.name)
        assert written == ("none" if default is None else msgspec.json.encode(default).decode()), field.name


@pytest.mark.parametrize(
    "words",
    [
        budget_table.SCOPES,
        budget_table.MODES,
        budget_table.MATCHABLE,
        budget_table.OFFICIAL,
        budget_table.RELEASES,
        ACTIONS,
        BILLINGS,
        BUCKETS,
        COUNTS,
        windows.KINDS,
    ],
)
def test_the_values_of_a_budget_are_documented(words: Iterable[str]) -> None:
    body = parts_of(CONFIGURATION)["[[budget]]"]
    assert all(re.search(rf"\b{word}\b", body) for word in words)


def test_the_providers_are_documented() -> None:
    body = parts_of(CONFIGURATION)["[providers.NAME]"]
    assert set(settings.PROVIDERS) <= set(re.findall(r"`([\w-]+)`", body))


@pytest.mark.parametrize(
    "key",
    ["scope", "month_start", "levels", "at_limit", "mode", "overshoot", "clamp", "counts"]
    + ["landing_release", "forecast"],
)
def test_the_documented_defaults_of_a_budget_are_the_real_ones(key: str) -> None:
    written = rows(parts_of(CONFIGURATION)["[[budget]]"])[key].strip("`")
    assert json.loads(written) == json.loads(msgspec.json.encode(getattr(Budget("", 0), key)))


def toml_of(page: str) -> list[str]:
    return re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def of_a_team(shown: str) -> bool:
    return "team" in tomllib.loads(shown)


@pytest.mark.parametrize("shown", [one for one in (*toml_of(CONFIGURATION), *toml_of(TEAM)) if of_a_team(one)])
def test_the_teams_that_the_documents_show_can_be_read(tmp_path: Path, shown: str) -> None:
    (tmp_path / REPOSITORY_FILE).write_text(shown, "utf-8")
    assert teams.read_team_policy(tmp_path) is not None


@pytest.mark.parametrize("key", [field.name for field in msgspec.structs.fields(TeamBudget)][3:-1])
def test_the_documented_defaults_of_a_team_s_budget_are_the_real_ones(key: str) -> None:
    written = json.loads(rows(parts_of(CONFIGURATION)["[[team.budget]]"])[key].strip("`"))
    default = json.loads(msgspec.json.encode(getattr(TeamBudget("", 0), key)))
    assert written == (windows.WEEKDAYS[default] if key == "week_start" else default)


@pytest.mark.parametrize("shown", [one for one in (*toml_of(CONFIGURATION), *toml_of(BUDGETS)) if not of_a_team(one)])
def test_the_settings_that_the_documents_show_can_be_read(tmp_path: Path, shown: str) -> None:
    paths = find_paths({"TOKENGUARD_HOME": str(tmp_path)})
    paths.config_file.write_text(shown, "utf-8")
    found, tables = settings.load(paths), tomllib.loads(shown)
    assert [budget.name for budget in found.budgets] == [table["name"] for table in tables.get("budget", [])]
    assert list(Agents(found.agents).all)[len(AGENTS) :] == [
        name for name in tables.get("agents", {}) if name not in AGENTS
    ]
    assert {"loops", "preflight", "budget", "price", "daemon", "agents", "hooks"} & set(tables)


@pytest.mark.parametrize(
    "words",
    [
        [field.name for field in msgspec.structs.fields(budget_table.BudgetTable) if field.name != "name"],
        [field.name for field in msgspec.structs.fields(sections.LoopSettings)],
        [field.name for field in msgspec.structs.fields(sections.PreflightSettings)],
        ACTIONS,
        BILLINGS,
        BUCKETS,
        COUNTS,
        budget_table.SCOPES,
        budget_table.MODES,
        budget_table.MATCHABLE,
        budget_table.RELEASES,
        windows.KINDS,
    ],
)
def test_the_page_on_budgets_explains_every_knob(words: Iterable[str]) -> None:
    missing = [word for word in words if not re.search(rf"\b{word}\b", BUDGETS)]
    assert not missing


def shown_commands() -> Iterator[tuple[str, str]]:
    """(page, command line) of every `tokenguard ...` that a page shows as typed, and of every `make ...`."""
    for page in PAGES:
        blocks = re.findall(r"^```(sh|console)\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        for kind, block in blocks:
            prompt = "$ " if kind == "console" else ""
            typed = (line.removeprefix(prompt) for line in block.splitlines() if line.startswith(prompt))
            for line in typed:
                if line.startswith(("tokenguard ", "make ")):
                    yield page.name, line.partition("  #")[0].rstrip()


@pytest.mark.parametrize(("page", "line"), list(shown_commands()))
def test_what_is_shown_can_be_typed(page: str, line: str) -> None:
    program, *words = shlex.split(line.partition(" > ")[0])
    if program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        assert words[0] in targets
        return
    path: list[str] = []
    while words and isinstance(command_of(path), click.Group):
        path.append(words.pop(0))
    command_of(path).make_context(path[-1], words, **root.context_settings)


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_modules_that_the_architecture_names_exist() -> None:
    named = re.findall(r"`(\w+/\w+\.py)`", (ROOT / "docs/architecture.md").read_text("utf-8"))
    assert len(named) > 30
    assert not [module for module in named if not (ROOT / "tokenguard" / module).exists()]


def test_the_changelog_has_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## \[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE)


def test_the_version_is_the_same_everywhere() -> None:
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text("utf-8")


@pytest.mark.parametrize("target", ["make demo", "make test"])
def test_the_readme_begins_with_two_commands(target: str) -> None:
    assert target in (ROOT / "README.md").read_text("utf-8")


def test_the_page_on_advice_names_every_advice_and_setting() -> None:
    page = parts_of((ROOT / "docs/advise.md").read_text(encoding="utf-8"))
    assert set(rows(page["What is looked for"])) == {"name", *FINDERS}
    text = "".join(file.read_text("utf-8") for file in (ROOT / "tokenguard/reports/advice").glob("*.py"))
    written = {name for name in re.findall(r'["{]([A-Z][A-Z_0-9]{5,})=', text)}
    settings_ = set(rows(page["What would change it"]))
    assert written and written <= settings_
    assert all(name in text for name in settings_)


def test_the_page_on_advice_shows_the_keys_of_the_json() -> None:
    body = parts_of((ROOT / "docs/advise.md").read_text(encoding="utf-8"))["For other programs"]
    found = re.search(r"```json\n(.*?)```", body, re.DOTALL)
    assert found is not None
    (one,) = json.loads(found[1])["advice"]
    assert tuple(one) == Advice.__struct_fields__
    assert tuple(one["parts"][0]) == Part.__struct_fields__
    assert tuple(one["changes"][0]) == Change.__struct_fields__


def test_what_counts_as_premium_and_as_short_is_documented() -> None:
    row = rows(parts_of((ROOT / "docs/advise.md").read_text(encoding="utf-8"))["What is looked for"])
    assert f"up to {habits.SHORT} tokens" in row["cheaper-model"]
    assert f"${dear_answers.PREMIUM // NANOS} per million" in row["cheaper-model"]
    assert f"{habits.LONG:,} tokens" in row["price-cliff"]
