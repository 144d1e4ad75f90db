"""Identities of sources for builders that take their names apart."""

from typing import Any

from messages import SourceIdentity

NAMES = {"source_key": "key", "campaign": "campaign", "client_id": "client_id", "client_name": "client_name"}


def pop_identity(values: dict[str, Any], usual: SourceIdentity) -> SourceIdentity:
    """Take the names out of ``values`` and return the usual identity with them."""
    named = {ours: values.pop(column) for column, ours in NAMES.items() if column in values}
    agent = dict(values.get("parameters", ())).get("user", usual.agent)
    known = {name: getattr(usual, name) for name in NAMES.values()}
    return SourceIdentity(**known | named, agent=agent)
