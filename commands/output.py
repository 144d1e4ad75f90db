"""The summary at the end of a run."""

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import TextIO

from engine.run_results import RunResult
from errors import BECAUSE_OF_STOP, Label
from messages import ClientResult, find_common_titles
from utils import one_line, plural

RULE = "=" * 60
WARNING_MARK = "!"
"""The mark between tick and cross: nothing failed, and somebody should look."""
NAMED = 5
"""Campaigns by name in a line that sums them up."""
COUNTS = ("inserted", "updated", "unchanged", "duplicates", "quarantined")


def summary(run: RunResult, *, tick: str, cross: str) -> str:
    """Return the block for monitoring scripts, the counts of rows per campaign, and the lines that need attention."""
    lines = [
        RULE,
        "PROCESSING SUMMARY",
        RULE,
        f"Total campaigns processed: {len(run.campaigns)}",
        f"Total records processed: {sum(result.records for result in run.results):,}",
        f"Processing duration: {run.duration.total_seconds():.1f} seconds",
        "",
        "Campaign breakdown:",
    ]
    details: list[str] = []
    for campaign in run.campaigns:
        results = [result for result in run.results if result.source.campaign == campaign]
        label = _label(results)
        records = sum(result.records for result in results)
        mark = tick if label is Label.COMPLETED else cross
        lines.append(f"  {mark} {one_line(campaign)}: {records:,} records ({label})")
        counts = ", ".join(f"{sum(getattr(result, name) for result in results):,} {name}" for name in COUNTS)
        details.append(f"  {one_line(campaign)}: {counts}")
    attention = [f"  {line}" for line in _merge_equal(_attention(run))]
    lines += [RULE, "", "Rows:", *details]
    if run.bytes_billed is not None:
        lines += ["", f"BigQuery billed: {run.bytes_billed / 1e6:,.0f} MB"]
    if run.skipped:
        reasons = Counter(row.reason for row in run.skipped)
        counts = ", ".join(f"{plural(count, 'row')} ({reason})" for reason, count in reasons.items())
        lines += ["", f"Not read: {counts}; see `python main.py clients list`"]
    if attention:
        lines += ["", "Needs attention:", *attention]
    return "\n".join(lines)


def _label(results: Sequence[ClientResult]) -> Label:
    """Return the label of the first failure of a campaign. The others stand below."""
    labels = [result.label for result in results if result.failure]
    labels += [Label.SUSPECT_WINDOW for result in results if result.suspect]
    labels += [result.label for result in results if not result.is_well]
    return labels[0] if labels else Label.COMPLETED


def _attention(run: RunResult) -> list[str]:
    common = find_common_titles(result.source for result in run.results)

    def named(result: ClientResult) -> str:
        return result.source.title_among(common)

    lines = []
    if run.clock_gap is not None:
        minutes = round(run.clock_gap / timedelta(minutes=1))
        others = "most dialers" if run.warehouse_gap is None else "most of the dialers and the warehouse"
        lines.append(
            f"The clock of this machine is wrong: {others} are {minutes:+,} minutes from it. Set it right, and keep it"
            " right with NTP. Until then nothing old is deleted, and no reading is later than its dialer says."
        )
    lines += [
        f"{named(result)}: {one_line(result.failure.text, limit=500)}"
        for result in run.results
        if result.failure and result.label not in BECAUSE_OF_STOP
    ]
    lines += _left_by_a_stop(run)
    lines += [
        f"{named(result)}: {result.suspect} of its windows did not show all calls, or fewer than before and not"
        " twice the same; they are read again in the next cycle."
        for result in run.results
        if result.suspect
    ]
    lines += [
        f"{named(result)}: {plural(result.windows_left, 'window')} could not be started in time; the next run goes on."
        for result in run.results
        if result.windows_left
    ]
    lines += [
        f"{named(result)}: the dialer does not show {result.shortfall:,} calls any more that it showed before;"
        " they are kept, and counted in the table completeness."
        for result in run.results
        if result.shortfall
    ]
    lines += [
        f"{named(result)}: {result.overlapping:,} of its calls were shown by another campaign first; they stay there."
        for result in run.results
        if result.overlapping
    ]
    lines += [f"{named(result)}: {one_line(notice, limit=500)}" for result in run.results for notice in result.notices]
    return lines + [one_line(notice, limit=500) for notice in run.notices]


def _merge_equal(lines: Sequence[str]) -> list[str]:
    """Show each line once, and how often it came: a backfill meets the same trouble at each of its days."""
    return [line if times == 1 else f"{line} ({times} times)" for line, times in Counter(lines).items()]


def _left_by_a_stop(run: RunResult) -> list[str]:
    """Name the campaigns that a stop left unread, in one line."""
    names = list(
        dict.fromkeys(one_line(result.source.campaign) for result in run.results if result.label in BECAUSE_OF_STOP)
    )
    if not names:
        return []
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    what = f"{plural(len(names), 'campaign')} ({', '.join(names[:NAMED])}{more})"
    return [f"Not read because of the stop: {what}. The next run reads {'it' if len(names) == 1 else 'them'}."]


def marks(stream: TextIO | None = None) -> tuple[str, str]:
    """Return a tick and a cross that the console can print."""
    stream = stream or sys.stdout
    try:
        "✓✗".encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return "[ok]", "[failed]"
    return "✓", "✗"
