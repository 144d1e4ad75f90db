"""Remote control of a dialer by other processes: its counters, its clock, its misbehaviour.

No real dialer has these pages. They are below ``/_simulated/`` and are not counted.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from simulated_dialer.counters import Seen
from simulated_dialer.worlds import World


class Controllable(Protocol):
    """The part of a dialer controlled from outside."""

    world: World

    @property
    def seen(self) -> Seen: ...
    def misbehave(self, **wrong: Any) -> None: ...
    def behave(self) -> None: ...


class Control:
    """Answers to GET seen, GET now, POST now (ISO time), POST misbehave (JSON of the fields), POST behave."""

    def __init__(self, dialer: Controllable) -> None:
        self._dialer = dialer
        self._controls: dict[tuple[str, str], Callable[[bytes], dict[str, Any]]] = {
            ("GET", "seen"): lambda _: dialer.seen.as_json(),
            ("GET", "now"): lambda _: self._now(),
            ("POST", "now"): self._set_now,
            ("POST", "misbehave"): self._misbehave,
            ("POST", "behave"): self._behave,
        }

    def answer(self, method: str, name: str, body: bytes) -> tuple[int, bytes]:
        """Return status and JSON."""
        control = self._controls.get((method, name))
        if control is None:
            return 404, _json({"error": f"no control named {name!r} for {method}"})
        try:
            return 200, _json(control(body))
        except (ValueError, TypeError, AttributeError) as error:
            return 400, _json({"error": str(error)})

    def _now(self) -> dict[str, Any]:
        return {"now": self._dialer.world.now.isoformat()}

    def _set_now(self, body: bytes) -> dict[str, Any]:
        self._dialer.world.now = datetime.fromisoformat(body.decode("ascii").strip())
        return self._now()

    def _misbehave(self, body: bytes) -> dict[str, Any]:
        wrong = json.loads(body or b"{}")
        self._dialer.misbehave(
            **{name: tuple(value) if isinstance(value, list) else value for name, value in wrong.items()}
        )
        return {"misbehaving": wrong}

    def _behave(self, _body: bytes) -> dict[str, Any]:
        self._dialer.behave()
        return {"misbehaving": {}}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii") + b"\n"
