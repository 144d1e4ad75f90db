"""Abilities of builds: one table, which is the only place that compares build numbers."""

import ast
from pathlib import Path

import pytest

from reports import REPORTS
from reports.builds import ABILITIES, ALL_CAMPAIGNS, EXTENDED, HOURS, ONE_USER, find_missing_abilities

ROOT = Path(__file__).resolve().parent.parent.parent
NO_PRODUCT = {"tests", "simulated_dialer", "benchmarks"}


@pytest.mark.parametrize(
    ("build", "missing"),
    [(250720, []), (230622, []), (210303, [HOURS, ONE_USER]), (189999, [HOURS, ONE_USER, ALL_CAMPAIGNS])],
)
def test_what_a_build_cannot_do_is_named_newest_first(build: int, missing: list[object]) -> None:
    assert find_missing_abilities(build, "call_report_export") == missing


def test_a_dialer_that_does_not_tell_its_build_is_taken_for_a_new_one() -> None:
    assert all(ability.is_in(None) for ability in ABILITIES)
    assert not EXTENDED.is_in(110328)


def test_every_ability_is_one_of_a_report() -> None:
    assert {ability.report for ability in ABILITIES} == set(REPORTS)


def compares_builds(path: Path) -> bool:
    comparisons = (
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Compare)
    )
    return any(
        isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE) and "build" in ast.unparse(comparison)
        for comparison in comparisons
        for operator in comparison.ops
    )


def test_no_other_module_compares_build_numbers() -> None:
    files = (path for path in ROOT.rglob("*.py") if not set(path.relative_to(ROOT).parts) & NO_PRODUCT)
    product = [path for path in files if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]
    assert [path.relative_to(ROOT).as_posix() for path in product if compares_builds(path)] == ["reports/builds.py"]
