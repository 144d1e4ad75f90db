"""Import of the emulator by Python 3.11. It is written for 3.13, so that two of its modules are edited at import.

Each edit names the text that must be there exactly once, so that another version of the emulator fails at once.
"""

import importlib.machinery
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

EDITS = {
    # Type parameters in brackets came with Python 3.12.
    "local_bigquery.catalog.metadata": [
        ("def list_[R: Resource](model: type[R], *keys: str) -> list[R]:", "def list_(model, *keys):"),
        ("def load[R: Resource](model: type[R], *keys: str) -> R | None:", "def load(model, *keys):"),
        ("def save[R: Resource](resource: R, *keys: str) -> R:", "def save(resource, *keys):"),
    ],
    # The same kind of quote inside the braces of an f-string came with Python 3.12.
    "local_bigquery.engine.results": [
        (
            """f"THEN error('{message.replace("'", "''")}') ELSE""",
            """"THEN error('" + message.replace("'", "''") + f"') ELSE""",
        ),
    ],
}


class _EditingLoader(importlib.machinery.SourceFileLoader):
    """Compiles the edited text, and never reads or writes a cached one."""

    def get_code(self, fullname: str) -> CodeType:
        text = Path(self.path).read_text(encoding="utf-8")
        for theirs, ours in EDITS[fullname]:
            if text.count(theirs) != 1:
                raise ImportError(f"{fullname} is not the version that the edits were made for")
            text = text.replace(theirs, ours)
        return compile(text, self.path, "exec", dont_inherit=True)


class _EditingFinder(importlib.machinery.PathFinder):
    """Finds the two modules where they are, and hands them to the editing loader."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = super().find_spec(fullname, path, target) if fullname in EDITS else None
        if spec is not None and spec.origin is not None:
            spec.loader = _EditingLoader(fullname, spec.origin)
        return spec


def edit_for_older_python() -> None:
    """Prepare the first import of the emulator. Do nothing for a Python that can read it as it is."""
    if sys.version_info < (3, 12):
        sys.meta_path.insert(0, _EditingFinder)
