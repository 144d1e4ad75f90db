"""The summary at the end of a run, from results without a run."""

from datetime import UTC, datetime, timedelta

from commands.output import summary
from engine.run_results import RunResult
from errors import Label
from messages import ClientResult, Failure, SourceIdentity

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def summarise(*results: ClientResult) -> str:
    campaigns = tuple(dict.fromkeys(result.source.campaign for result in results))
    return summary(RunResult("run", NOW, timedelta(seconds=1), campaigns, results, ()), tick="✓", cross="✗")


def not_started(campaign: str, kind: Label = Label.NOT_STARTED) -> ClientResult:
    return ClientResult(source=SourceIdentity.of_campaign(campaign), failure=Failure(kind, f"{campaign} waits"))


def test_campaigns_that_a_stop_left_unread_are_one_line_below_their_lines_of_the_breakdown() -> None:
    failed = ClientResult(source=SourceIdentity("k", "Z", "1", "Zeta"), failure=Failure(Label.PROXY, "no proxy"))
    text = summarise(failed, *(not_started(name) for name in "ABCDE"), not_started("F", Label.STOPPED))
    assert "  ✗ A: 0 records (not started)" in text
    assert "  ✗ F: 0 records (stopped)" in text
    assert text.partition("Needs attention:\n")[2].splitlines() == [
        "  Z / Zeta: no proxy",
        "  Not read because of the stop: 6 campaigns (A, B, C, D, E and 1 more). The next run reads them.",
    ]
    assert summarise(not_started("A")).endswith("because of the stop: 1 campaign (A). The next run reads it.")


def test_two_rows_with_the_same_names_are_told_apart_by_host_in_what_needs_attention() -> None:
    sources = [SourceIdentity(host, "South", "1", "Delta", host=host) for host in ("one.example", "two:8443")]
    failed = [ClientResult(source=source, failure=Failure(Label.PROXY, "no proxy")) for source in sources]
    assert "  South / Delta (one.example): no proxy\n  South / Delta (two:8443): no proxy" in summarise(*failed)
    assert summarise(failed[0]).endswith("  South / Delta: no proxy")


def test_the_same_trouble_of_many_days_is_one_line() -> None:
    failed = ClientResult(source=SourceIdentity("k", "Z", "1", "Zeta"), failure=Failure(Label.PROXY, "no proxy"))
    text = summarise(failed, failed, failed)
    assert text.partition("Needs attention:\n")[2] == "  Z / Zeta: no proxy (3 times)"
