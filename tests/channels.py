"""The columns of a call's channel, as the dialer logged them and as the table has them."""

from collections.abc import Mapping
from typing import Any

from simulated_dialer import Leg, World
from tables import CHANNEL_COLUMNS

DID_COLUMNS = ("did_pattern", "did_id", "did_description")


def channel_of_leg(leg: Leg, world: World) -> dict[str, Any]:
    """Return what the table must have of a leg's channel."""
    did_id, description = world.centre.dids.get(leg.did, (None, None))
    entry = leg.carrier
    return {
        "caller_code": leg.shown_caller_code or None,
        "server_ip": leg.server_ip or None,
        "hangup_cause": entry.hangup_cause if entry else None,
        "dialstatus": entry.dialstatus if entry else None,
        "dial_seconds": entry.dial_seconds if entry else None,
        "answered_seconds": entry.answered_seconds if entry else None,
        "cpd_result": leg.cpd_result or None,
        "did_pattern": leg.did or None,
        "did_id": None if did_id is None else str(did_id),
        "did_description": description,
    }


def channel_of_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in CHANNEL_COLUMNS}
