"""Results and outcomes of campaigns whose rows could not be committed. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from errors import BatchRefused, WarehouseError
from messages import CampaignOutcome, ClientResult, Failure, SourceIdentity


def results_not_committed(outcomes: Sequence[CampaignOutcome], exc: WarehouseError) -> list[ClientResult]:
    """Return the results of campaigns that were not committed."""
    return [result for outcome in outcomes for result in _results_of_campaign(outcome, exc)]


def failures_only(outcome: CampaignOutcome, exc: BatchRefused) -> CampaignOutcome:
    """Return the outcome without its rows, for the run history. Refused logins stay in it."""
    failure = Failure.from_error(exc)
    clients = tuple(client if client.failure else replace(client, failure=failure) for client in outcome.clients)
    return replace(outcome, sealed=(), clients=clients, failure=failure)


def _results_of_campaign(outcome: CampaignOutcome, exc: WarehouseError) -> list[ClientResult]:
    """Fail the campaign as a whole. A client that had failed before keeps its own reason."""
    failed = [
        ClientResult(source=client.source, failure=client.failure) for client in outcome.clients if client.failure
    ]
    if failed and not outcome.sealed:
        return failed
    sources = {window.source.key for window in outcome.sealed}
    if len(sources) == 1 and not outcome.failure:
        return [_result_of_client(outcome, exc), *(each for each in failed if each.source.key not in sources)]
    whole = ClientResult(source=SourceIdentity.of_campaign(outcome.campaign), failure=Failure.from_error(exc))
    return [whole, *failed]


def _result_of_client(outcome: CampaignOutcome, exc: WarehouseError) -> ClientResult:
    """Fail the one client that the outcome has windows of, and name their days."""
    window = outcome.sealed[0]
    days = sorted({f"{sealed.window.day}" for sealed in outcome.sealed})
    place = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return ClientResult(source=window.source, failure=Failure.from_error(exc, place=f"{place}: "))
