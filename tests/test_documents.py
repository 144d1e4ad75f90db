"""What the documents say of commands, exit codes and columns is what the program has."""

import re
from pathlib import Path

import click
import pytest

from main import cli
from tables import CALLS, CREDENTIALS, LEAD_COLUMNS, LEASES, MIGRATIONS, STATE_TABLES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(group: click.Group, prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += commands(command, f"{prefix}{name} ")
        else:
            found.append(f"{prefix}{name}")
    return found


def test_the_readme_lists_every_command_and_no_other() -> None:
    listed = set(re.findall(r"^\| `python main\.py ?([a-z]* ?[a-z]*)", README, re.MULTILINE))
    assert {name.strip() for name in listed} - {""} == set(commands(cli))


def test_the_readme_and_the_help_tell_the_same_exit_codes() -> None:
    assert cli.epilog
    told = re.findall(r"^  (\d+)\s", cli.epilog, re.MULTILINE)
    paragraph = README[README.index("Exit codes:") :].split("\n\n")[0]
    assert re.findall(r"(?:^|, |\n|: )(\d+) [a-z]", paragraph) == told


@pytest.mark.parametrize("table", [CALLS, CREDENTIALS, *STATE_TABLES, LEASES, MIGRATIONS], ids=lambda table: table.name)
def test_the_tables_are_documented_as_they_are(table: object) -> None:
    from tables import Table

    assert isinstance(table, Table)
    document = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    section = document[document.index(f"## {table.name}\n") :].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)`(\*?) \| (\w+) \| (.*) \|$", section, re.MULTILINE)
    extra = LEAD_COLUMNS if table is CALLS else ()
    assert rows == [
        (column.name, "*" if column.required else "", column.type, column.description)
        for column in (*table.columns, *extra)
    ]


def test_every_file_that_a_document_points_to_is_there() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} points to {target}"


def test_the_usual_settings_of_the_readme_have_the_real_defaults() -> None:
    from config import SETTINGS

    defaults = {known.name: known.default for known in SETTINGS}
    section = README[README.index("## Settings") : README.index("## How the processes work")]
    for name, default in re.findall(r"^\| ([A-Z_]+) \| (\S+) \|", section, re.MULTILINE):
        assert defaults[name] in (default, "")


def test_every_label_that_an_operator_can_see_is_explained() -> None:
    from tests.test_errors import classes

    document = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    shown = {name.strip() for cell in re.findall(r"^\| ([^|]+) \|", document, re.MULTILINE) for name in cell.split(",")}
    labels = {kind.label for kind in classes() if not kind.__subclasses__()} - {"failed", "configuration", "warehouse"}
    labels -= {"no campaigns", "warehouse held"}  # a message of their own, not a label of a client
    assert labels <= shown


def test_every_setting_that_a_document_names_is_one() -> None:
    """Words like these that are none are constants of other programs."""
    from config import NAMES

    others = {"PYTHONUTF8", "PYTHONUNBUFFERED", "SIGTERM", "SYSTEM_TIME"}
    for document in (ROOT / "docs" / "operations.md", ROOT / "docs" / "troubleshooting.md"):
        named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", document.read_text(encoding="utf-8")))
        assert named <= {*NAMES, *others}, document.name
