"""requirements.lock satisfies requirements.txt and all dependencies, on each supported Python."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = {"linux": ("Linux", "posix"), "darwin": ("Darwin", "posix"), "win32": ("Windows", "nt")}


def lines(name: str) -> Iterator[str]:
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        wanted = line.split("#")[0].strip()
        if wanted and not wanted.startswith("-"):
            yield wanted


LOCKED = {
    canonicalize_name(name): version for name, version in (line.split("==") for line in lines("requirements.lock"))
}


def environment(python: str, platform: str) -> dict[str, str]:
    system, os_name = PLATFORMS[platform]
    return {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": platform,
        "platform_system": system,
        "os_name": os_name,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_machine": "x86_64",
        "extra": "",
    }


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_satisfies_what_the_program_needs(python: str, platform: str) -> None:
    """Windows alone needs colorama, which a lock that was made on Linux cannot have tried."""
    waiting = [Requirement(line) for line in lines("requirements.txt")]
    seen: set[str] = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if wanted.marker and not wanted.marker.evaluate(environment(python, platform)):
            continue
        if platform == "win32" and name not in LOCKED:
            continue
        assert wanted.specifier.contains(LOCKED[name]), f"{wanted}, and the lock has {LOCKED[name]}"
        if name in seen:
            continue
        seen.add(name)
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        if installed.version == LOCKED[name]:
            assert SpecifierSet(installed.metadata["Requires-Python"] or "").contains(f"{python}.0"), name
            waiting += map(Requirement, installed.requires or ())
    assert len(seen) > len(list(lines("requirements.txt")))


def test_every_pin_is_one_exact_version() -> None:
    assert all(line.count("==") == 1 and "*" not in line for line in lines("requirements.lock"))
