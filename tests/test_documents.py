"""The documents agree with the program: generated pages are fresh, links lead somewhere, names are real."""

import re
from pathlib import Path

import click
import pytest

from config import NAMES, SETTINGS
from main import cli
from tests import documents
from tests.test_errors import classes
from tests.tests_of_errors import PRODUCED_BY

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


@pytest.mark.parametrize("path", documents.render_all(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_generated_page_is_fresh(path: Path) -> None:
    fresh = documents.render_all()[path]
    assert path.read_text(encoding="utf-8") == fresh, "Renew it: python -m tests.documents"


def test_every_exit_code_is_documented() -> None:
    assert [code for code, _ in documents.exit_codes()] == ["0", "1", "2", "3", "4", "130", "143"]


def test_every_setting_and_error_is_in_a_group_of_its_page() -> None:
    assert set(documents.SETTING_GROUPS) <= {setting.name for setting in SETTINGS}
    assert SETTINGS[0].name in documents.SETTING_GROUPS
    listed = documents.render_errors()
    assert {kind.label for kind in classes() if kind.__name__ in PRODUCED_BY} <= set(
        re.findall("^### (.*)$", listed, re.M)
    )


PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "benchmarks" / "README.md")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^):]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), f"{page.name} points to {target}"
        assert not anchor or anchor in anchors(file), f"{page.name} points to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_module_that_a_page_names_is_there(page: Path) -> None:
    for name in re.findall(r"`([a-z_/]+\.py|[a-z_]+/(?:[a-z_]+/)*)`", page.read_text(encoding="utf-8")):
        assert name.startswith("reports/NAME") or (ROOT / name).exists(), f"{page.name} names {name}"


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"]({page.name}" in index, page.name


def test_every_label_of_a_client_or_campaign_is_explained() -> None:
    document = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    shown = {name.strip() for heading in headings for name in heading.split(",")}
    labels = {kind.label for kind in classes() if not kind.__subclasses__()} - {"failed", "configuration", "warehouse"}
    labels -= {"no campaigns", "warehouse held"}  # a message of their own, not a label of a client
    assert labels <= shown


def test_every_error_names_a_test_that_is_there() -> None:
    assert {kind.__name__ for kind in classes() if not kind.__subclasses__()} <= PRODUCED_BY.keys()
    for path, name in PRODUCED_BY.values():
        assert f"def {name}(" in (ROOT / "tests" / path).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_default_that_a_page_repeats_is_the_real_one(page: Path) -> None:
    defaults = {setting.name: setting.default for setting in SETTINGS}
    for name, number in re.findall(r"\b([A-Z]+(?:_[A-Z]+)+) \((\d+)[,)]", page.read_text(encoding="utf-8")):
        assert defaults[name] == number, f"{page.name} has {name} ({number})"


def test_every_setting_that_a_document_names_is_one() -> None:
    """Words like these that are none are constants of other programs."""
    others = {
        "PYTHONUTF8",
        "PYTHONUNBUFFERED",
        "SIGTERM",
        "SYSTEM_TIME",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "SSL_CERT_FILE",
    }
    for name in ("operations.md", "troubleshooting.md", "clients.md"):
        document = ROOT / "docs" / name
        named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", document.read_text(encoding="utf-8")))
        assert named <= {*NAMES, *others}, document.name
