"""The documents name what is there, all of it where they promise so, and nothing that is not."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from urllib.parse import unquote

import pytest

from commands.cli import COMMANDS
from domain.channels.types import ChannelType
from domain.conditions.operators import AUDIENCE_OPERATORS, OPERATORS
from domain.contract.queues import ALL_QUEUES
from domain.workflows import check_workflow
from domain.workflows.steps import STEP_TYPES, parse_steps
from models.tables import metadata
from runtime.settings import Settings
from temporal_workflows.search_attributes import ALL as SEARCH_ATTRIBUTES

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
STEP_PAGE = (ROOT / "docs" / "step-types.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
DECISION_PAGE = (ROOT / "docs" / "decisions.md").read_text()
TESTING = (ROOT / "docs" / "testing.md").read_text()
ENV_EXAMPLE = (ROOT / ".env.example").read_text()
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))

_FOLDERS = "|".join(
    sorted(path.name.replace(".", r"\.") for path in ROOT.iterdir() if (path / "").is_dir())
)
# Made by the product, so not in the repository.
_MADE = re.compile(r"\.carillon\b|\.venv\b|bench/results/latest\.")
_PATH = re.compile(rf"`((?:{_FOLDERS})/[^`\s<>{{}}…*]*)`")


def _prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)


def _anchors(page: Path) -> set[str]:
    """Return the anchors that the headings of a page make, as forges name them."""
    titles = re.findall(r"^#+ (.+)$", _prose(page), re.M)
    plain = [re.sub(r"[^\w\- ]", "", title.lower()).strip() for title in titles]
    return {title.replace(" ", "-") for title in plain}


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_local_links_resolve(page: Path) -> None:
    """A link to a file of this repository, or to a heading in it, leads somewhere."""
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_named_paths_exist(page: Path) -> None:
    """A path in backticks that begins with a folder of ours is there."""
    named = [path for path in _PATH.findall(_prose(page)) if not _MADE.match(path)]
    missing = [path for path in named if "NNNN" not in path and not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("step_type", sorted(STEP_TYPES))
def test_step_type_has_a_section(step_type: str) -> None:
    """Every step type that can be saved has a section, an example, and an executor."""
    _, found, section = STEP_PAGE.partition(f"\n## `{step_type}`\n")
    assert found
    assert f'"type": "{step_type}"' in section.partition("\n## ")[0]


def test_step_page_names_channel_types_and_operators() -> None:
    """The template of every channel type has a row, and every operator is named."""
    rows = set(re.findall(r"^\| `(\w+)` \|", STEP_PAGE, re.M))
    assert {str(each) for each in ChannelType} <= rows
    conditions = STEP_PAGE.partition("\n## Conditions\n")[2].partition("\n## ")[0]
    assert {*OPERATORS, *AUDIENCE_OPERATORS} <= set(re.findall(r"`(\w+)`", conditions))


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_setting_is_explained(name: str) -> None:
    """Every setting has a default line in `.env.example`, with a sentence right above it."""
    found = re.search(rf"^# (.+)\n# CARILLON_{name.upper()}=", ENV_EXAMPLE, re.M)
    assert found is not None
    assert found[1].endswith((".", ":"))


def test_make_targets_are_documented() -> None:
    """CONTRIBUTING.md has a row for every make target, and the Makefile a rule for every row."""
    rules = re.findall(r"^([a-z][a-z-]*):.*## ", (ROOT / "Makefile").read_text(), re.M)
    rows = re.findall(r"^\| `make ([a-z-]+)` \|", CONTRIBUTING, re.M)
    assert sorted(rows) == sorted(rules)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_exist(page: Path) -> None:
    """What the documents tell people to type is a make target or a subcommand."""
    text = page.read_text()
    rules = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M)) <= rules
    typed = set(re.findall(r"(?:^|`)(?:carillon|python -m runtime\.cli) ([a-z-]+)", text, re.M))
    assert typed <= set(COMMANDS)


def test_queues_and_search_attributes_are_explained() -> None:
    """Operators find every queue and every search attribute on their page."""
    named = set(re.findall(r"`([\w-]+)`", OPERATIONS))
    assert set(ALL_QUEUES) <= named
    assert {key.name for key in SEARCH_ATTRIBUTES} <= named


def test_log_events_exist() -> None:
    """Operators are told to watch for log events that the code writes."""
    table = OPERATIONS.partition("| Log event | It means |\n|---|---|\n")[2].partition("\n\n")[0]
    named = {
        name for row in table.splitlines() for name in re.findall("`(.+?)`", row.split("|")[1])
    }
    sources = [path.parent for path in ROOT.glob("*/__init__.py")]
    code = "\n".join(file.read_text() for folder in sources for file in folder.glob("**/*.py"))
    written = set(re.findall(r"\.(?:info|warning|error|exception)\(\s*\"([\w ]+)\"", code))
    assert named
    assert named <= written


def test_quoted_code_is_the_code() -> None:
    """What CONTRIBUTING quotes as an example stands in the code, letter for letter."""
    code = "\n".join(
        path.read_text()
        for layer in ("api", "domain", "models", "services")
        for path in (ROOT / layer).rglob("*.py")
    )
    quoted = re.findall(r"^   ```python\n(.*?)^   ```$", CONTRIBUTING, re.M | re.S)
    assert quoted
    assert [lines for lines in map(textwrap.dedent, quoted) if not _stands_in(code, lines)] == []


def _stands_in(code: str, lines: str) -> bool:
    """Tell whether code has some lines, however far they are indented there."""
    return any(textwrap.indent(lines, " " * width) in code for width in (0, 4))


def test_fixtures_are_explained() -> None:
    """The page on testing says what the fixtures of all tests give, and names none in vain."""
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", TESTING, re.M)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    shared, *others = (
        set(re.findall(r"^@pytest\.fixture.*\n(?:async )?def (\w+)", path.read_text(), re.M))
        for path in (
            ROOT / "tests" / "conftest.py",
            *sorted((ROOT / "tests").glob("*/conftest.py")),
        )
    )
    assert {name for name in shared if not name.startswith("_")} <= named
    assert named <= shared.union(*others)


def test_every_table_has_an_owner() -> None:
    """The page on tables says of every table what it owns, once."""
    rows = re.findall(
        r"^\| (`\w+`(?:, `\w+`)*) \|", (ROOT / "docs" / "tables.md").read_text(), re.M
    )
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(metadata.tables)


def test_every_area_is_listed() -> None:
    """ARCHITECTURE.md names the areas, and an area of every layer is one of them."""
    (line,) = re.findall(r"^Inside a layer the folders are \*\*areas\*\*.+$", ARCHITECTURE, re.M)
    named = set(re.findall(r"`(\w+)`", line))
    layers = ("domain", "services", "models/queries", "api/knock", "api/management")
    found = {path.parent.name for each in layers for path in ROOT.glob(f"{each}/*/__init__.py")}
    assert named == found - {"contract"}


def test_decisions_are_whole_and_listed() -> None:
    """Every decision record has its parts and a quotable sentence, and is linked, in order."""
    numbers = [int(path.name[:4]) for path in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))
    for path in DECISIONS:
        text = path.read_text()
        assert f"(adr/{path.name})" in DECISION_PAGE
        assert text.startswith(f"# {int(path.name[:4])}. ")
        parts = ["Context", "Decision", "Consequences", "Alternatives", "Enforced by"]
        assert re.findall(r"^## (.+)$", text, re.M) == parts
        assert len(re.findall(r"^> .+$", text, re.M)) == 1


def test_code_refers_to_decisions_that_exist() -> None:
    """A comment that names a decision record names one that is there."""
    known = {path.name[:4] for path in DECISIONS}
    packages = [path.parent for path in ROOT.glob("*/__init__.py")]
    for file in (file for package in packages for file in package.rglob("*.py")):
        assert set(re.findall(r"docs/adr/(\d{4})", file.read_text())) <= known, file


def test_bench_figures_have_their_place() -> None:
    """The page on performance keeps the markers between which measured figures are written."""
    page = (ROOT / "docs" / "performance.md").read_text()
    start, end = (page.find(f"<!-- bench:{name} -->") for name in ("start", "end"))
    assert 0 < start < end


def test_step_examples_are_accepted() -> None:
    """Every example of a step is one that can be saved."""
    examples = re.findall(r"^```json\n(.*?)^```$", STEP_PAGE, re.M | re.S)
    assert len(examples) > len(STEP_TYPES)
    for example in examples:
        assert parse_steps([json.loads(example)])


def test_example_of_the_readme_is_accepted() -> None:
    """The first workflow that a newcomer saves is a good one."""
    found = re.search(r"-d '(\{.+?\n\})'", (ROOT / "README.md").read_text(), re.S)
    assert found is not None
    assert check_workflow(json.loads(found[1])["workflow"], "order-shipped")
