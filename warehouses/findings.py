"""One row of `main.py check`: the result of an attempt, or its failure with advice."""

from collections.abc import Callable

from errors import SyncError, WarehouseError
from messages import Finding


def run_check(name: str, attempt: Callable[[], str]) -> Finding:
    """Run an attempt and report its text, or the message and advice of its SyncError."""
    try:
        return Finding(name=name, ok=True, detail=attempt())
    except SyncError as exc:
        notice = exc.notice
        unusable = isinstance(exc, WarehouseError)
        return Finding(name=name, ok=False, detail=notice.happened, advice=notice.advice, unusable=unusable)
