"""Groups outcomes into commits, and splits a campaign that a warehouse refuses to find the window at fault. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from messages import CampaignOutcome, ClientOutcome

ROWS_PER_COMMIT = 1_000_000
"""Some hundred bytes each on their way. More rows at once gain nothing and can be refused as a whole."""


def commit_groups(outcomes: Sequence[CampaignOutcome]) -> Iterator[list[CampaignOutcome]]:
    """Yield groups of at most ROWS_PER_COMMIT rows. A larger campaign is a group by itself."""
    group: list[CampaignOutcome] = []
    for outcome in outcomes:
        if group and sum(map(rows_of, group)) + rows_of(outcome) > ROWS_PER_COMMIT:
            yield group
            group = []
        group.append(outcome)
    if group:
        yield group


def rows_of(outcome: CampaignOutcome) -> int:
    return sum(window.rows for window in outcome.sealed)


def split_outcome(outcome: CampaignOutcome) -> list[CampaignOutcome]:
    """Split a campaign's outcome by its clients, or by the windows of its one client.

    Counts of a client go with the first part that has one of its windows, so that none is counted twice.

    Returns:
        Two parts, or the outcome itself where it has one window or none.
    """
    sources = list(dict.fromkeys(window.source.key for window in outcome.sealed))
    if len(sources) > 1:
        chosen = frozenset(sources[: len(sources) // 2])
        return [_part_of_sources(outcome, chosen, among=True), _part_of_sources(outcome, chosen, among=False)]
    if len(outcome.sealed) > 1:
        half = len(outcome.sealed) // 2
        later = tuple(_without_counts(client) for client in outcome.clients if client.source.key in sources)
        return [
            replace(outcome, sealed=outcome.sealed[:half]),
            replace(_part(outcome), job_id=f"{outcome.job_id}-{half}", sealed=outcome.sealed[half:], clients=later),
        ]
    return [outcome]


def _part_of_sources(outcome: CampaignOutcome, chosen: frozenset[str], *, among: bool) -> CampaignOutcome:
    """Return the part of the chosen sources, or the rest, which keeps the campaign's own failure."""
    return replace(
        _part(outcome) if among else outcome,
        sealed=tuple(window for window in outcome.sealed if (window.source.key in chosen) == among),
        clients=tuple(client for client in outcome.clients if (client.source.key in chosen) == among),
    )


def _part(outcome: CampaignOutcome) -> CampaignOutcome:
    """Return the outcome without the failure of the campaign as a whole, which is reported once."""
    return replace(outcome, failure=None)


def _without_counts(client: ClientOutcome) -> ClientOutcome:
    return ClientOutcome(source=client.source)
