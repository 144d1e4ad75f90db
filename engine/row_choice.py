"""Rows of the credentials table that `--campaign` and `--client` choose."""

from database import Warehouse
from errors import NobodyChosen, NoCampaigns
from messages import SkippedRow, Source


def is_chosen(row: Source | SkippedRow, campaign: str | None, client: str | None) -> bool:
    """Tell whether a row has this campaign, and this client by ClientName or ClientID. None takes every row."""
    return campaign in (None, row.identity.campaign) and client in (
        None,
        row.identity.client_id,
        row.identity.client_name,
    )


def no_match_error(warehouse: Warehouse, campaign: str | None, client: str | None) -> NoCampaigns:
    """Build the error of a choice that takes no row."""
    options = {"--campaign": campaign, "--client": client}
    chosen = " and ".join(f"{option} {value!r}" for option, value in options.items() if value is not None)
    return NobodyChosen(warehouse.describe(), chosen) if chosen else NoCampaigns(warehouse.describe())
