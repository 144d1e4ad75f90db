"""The code is clean and reads well: ruff, mypy --strict, and plain names and docstrings."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    "arguments", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy", ".")], ids=" ".join
)
def test_the_code_is_clean(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


NO_PRODUCT = {"tests", "simulated_dialer", "benchmarks"}
PARTICIPLES = {"told", "kept", "left", "known", "written", "sent", "found", "made", "given", "done", "lost", "shown",
               "taken", "seen", "held", "meant", "begun"}  # fmt: skip
NO_PARTICIPLES = {"feed", "need", "seed", "speed", "embed", "exceed", "proceed", "shared", "indeed"}
FRAGMENT = re.compile(
    "(What|Whether|How|Who|Whoever|Where|When|Why|Of|As|By|In|Without|Instead|To|From|For|With|Since|Until|Else|Also|After"
    r"|Before|Around|Not|One|Those|That|All|Each|Everything|Nothing|None|Some|The same)\b"
)
"""First words of a docstring without a verb in the imperative."""


def has_participle_name(function: ast.FunctionDef) -> bool:
    """Return whether a function has the name of a state. A property may: it is a value."""
    first = function.name.lstrip("_").split("_")[0]
    is_property = any("property" in ast.unparse(decorator) for decorator in function.decorator_list)
    is_participle = first in PARTICIPLES or (len(first) > 4 and first.endswith("ed") and first not in NO_PARTICIPLES)
    return is_participle and not is_property


def first_paragraph(function: ast.FunctionDef) -> str:
    return (ast.get_docstring(function) or "").split("\n\n")[0]


def product_functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield every function of the product, and its place."""
    folders = {path.parent for path in ROOT.glob("*/__init__.py")}
    nested = (path for folder in folders if folder.name not in NO_PRODUCT for path in folder.rglob("*.py"))
    for path in (*ROOT.glob("*.py"), *nested):
        if path.name.startswith("test_"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


@pytest.mark.parametrize(
    ("is_wrong", "limit"),
    [
        pytest.param(has_participle_name, 0.02, id="functions have verbs, not participles"),
        pytest.param(lambda each: FRAGMENT.match(first_paragraph(each)), 0.08, id="docstrings begin with a verb"),
        pytest.param(lambda each: ";" in first_paragraph(each), 0.03, id="docstrings have no semicolons"),
    ],
)
def test_the_code_reads_well(is_wrong: Callable[[ast.FunctionDef], object], limit: float) -> None:
    functions = dict(product_functions())
    if is_wrong is not has_participle_name:
        functions = {place: each for place, each in functions.items() if first_paragraph(each)}
    wrong = sorted(place for place, each in functions.items() if is_wrong(each))
    assert len(wrong) <= limit * len(functions), "\n".join(wrong)
