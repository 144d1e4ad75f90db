"""The arrows of docs/architecture.md: allowed imports between rooms. A new arrow is a reviewed change here."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LEAVES = {"errors", "messages", "network", "pandas_on_demand", "standard_streams", "status_records", "tables", "utils"}
ARROWS: dict[str, set[str]] = {
    "main": {"campaign_processor", "commands", "config", "database", "engine", "planning"},
    "commands": {
        "checks", "config", "credentials", "database", "dialers", "engine", "extracts", "lock_owners", "logs",
        "monitoring", "shutdown", "spool",
    },
    "extracts": {"config", "credentials", "database", "engine", "reports"},
    "monitoring": {"config", "credentials", "database", "dialers", "reports"},
    "checks": {
        "config", "credentials", "data_fetcher", "database", "dialers", "engine", "logs", "planning", "reading",
        "reports", "shutdown",
    },
    "engine": {
        "campaign_processor", "config", "credentials", "database", "dialers", "multiprocess_manager", "planning",
        "reading", "spool", "workers",
    },
    "campaign_processor": {"config", "reading"},
    "reading": {"config", "data_fetcher", "dialers", "planning", "reports", "shutdown", "spool"},
    "spool": {"config", "reports"},
    "data_fetcher": {"config", "dialers"},
    "dialers": {"config"},
    "reports": set(),
    "planning": {"config", "reports"},
    "credentials": {"config", "reports"},
    "database": {"config", "shutdown", "warehouses"},
    "warehouses": {"config", "lock_owners", "shutdown"},
    "multiprocess_manager": {"config", "logs", "workers"},
    "workers": {"config", "logs", "shutdown"},
    "config": {"settings"},
    "settings": set(),
    "lock_owners": set(),
    "logs": set(),
    "shutdown": set(),
    "errors": set(),
    "messages": {"errors", "utils"},
    "network": set(),
    "pandas_on_demand": set(),
    "standard_streams": set(),
    "status_records": {"errors"},
    "tables": set(),
    "utils": set(),
    "simulated_dialer": set(),
}  # fmt: skip
ONLY_LEAVES_OF_THEIR_OWN = {
    "simulated_dialer",
    "logs",
    "shutdown",
    "errors",
    "messages",
    "pandas_on_demand",
    "standard_streams",
    "status_records",
    "tables",
    "utils",
}
ROOMS = sorted({path.stem for path in ROOT.glob("*.py")} | {path.parent.name for path in ROOT.glob("*/__init__.py")})


def imports_of(room: str) -> set[str]:
    folder = ROOT / room
    paths = list(folder.rglob("*.py")) if folder.is_dir() else [ROOT / f"{room}.py"]
    found: set[str] = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return (found & set(ROOMS)) - {room}


def test_every_room_is_on_the_plan() -> None:
    strangers = set(ROOMS) - set(ARROWS) - {"test_multiprocessing", "tests", "benchmarks"}
    assert strangers == set()


@pytest.mark.parametrize("room", sorted(ARROWS))
def test_a_room_imports_only_what_its_arrows_allow(room: str) -> None:
    allowed = ARROWS[room] | (set() if room in ONLY_LEAVES_OF_THEIR_OWN else LEAVES)
    assert imports_of(room) <= allowed


def test_the_pool_does_not_know_the_work() -> None:
    assert "campaign_processor" not in imports_of("multiprocess_manager")


def test_importing_a_module_reads_no_environment_and_sets_up_no_log() -> None:
    for path in (*ROOT.glob("*.py"), *ROOT.glob("*/*.py")):
        if path.parts[-2] in ("tests", "simulated_dialer", "benchmarks") or path.name == "test_multiprocessing.py":
            continue
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
                assert "os.environ" not in ast.unparse(statement), path.name
                assert "basicConfig" not in ast.unparse(statement), path.name


def test_an_older_python_can_read_main_as_far_as_its_own_refusal() -> None:
    text = (ROOT / "main.py").read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 7))
    assert text.index("sys.version_info < (3, 11)") < text.index("\nimport click")
