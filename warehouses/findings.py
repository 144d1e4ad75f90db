"""One row of `main.py check`: what an attempt found, or what went wrong and what to do."""

from collections.abc import Callable

from errors import SyncError, WarehouseError
from messages import Finding


def finding(name: str, attempt: Callable[[], str]) -> Finding:
    """``attempt`` tries the thing and tells what it found; its SyncError is what the operator is told instead."""
    try:
        return Finding(name=name, ok=True, detail=attempt())
    except SyncError as exc:
        happened, advice = (text.format(*exc.args) for text in (exc.happened, exc.advice))
        unusable = isinstance(exc, WarehouseError)
        return Finding(name=name, ok=False, detail=happened, advice=advice, unusable=unusable)
