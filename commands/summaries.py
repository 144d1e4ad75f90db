"""What the operator reads at the end of a run."""

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import TextIO

from commands.runs import RunResult
from messages import ClientResult, SkippedRow
from utils import one_line, plural

RULE = "=" * 60
DOUBT = "!"
"""Between tick and cross: nothing failed, and somebody should look."""
COUNTS = ("inserted", "updated", "unchanged", "duplicates", "quarantined")


def summary(run: RunResult, *, tick: str, cross: str) -> str:
    """The block that monitoring scripts read, then what each campaign's rows became and what needs attention."""
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
        results = [result for result in run.results if result.campaign == campaign]
        label = _label(results)
        records = sum(result.records for result in results)
        mark = tick if label == "completed" else cross
        lines.append(f"  {mark} {one_line(campaign)}: {records:,} records ({label})")
        counts = ", ".join(f"{sum(getattr(result, name) for result in results):,} {name}" for name in COUNTS)
        details.append(f"  {one_line(campaign)}: {counts}")
    attention = [f"  {line}" for line in _attention(run)]
    lines += [RULE, "", "Rows:", *details]
    if run.bytes_billed is not None:
        lines += ["", f"BigQuery billed: {run.bytes_billed / 1e6:,.0f} MB"]
    if run.skipped:
        reasons = Counter(row.reason for row in run.skipped)
        told = ", ".join(f"{plural(count, 'row')} ({reason})" for reason, count in reasons.items())
        lines += ["", f"Not read: {told}; see `python main.py clients list`"]
    if attention:
        lines += ["", "Needs attention:", *attention]
    return "\n".join(lines)


def _label(results: Sequence[ClientResult]) -> str:
    """The first trouble of a campaign in a few words; the others are told below."""
    labels = [result.label for result in results if result.failure]
    labels += ["suspect window" for result in results if result.suspect]
    labels += [result.label for result in results if not result.is_well]
    return labels[0] if labels else "completed"


def _attention(run: RunResult) -> list[str]:
    lines = []
    if run.clock_gap is not None:
        minutes = round(run.clock_gap / timedelta(minutes=1))
        lines.append(
            f"The clock of this machine is wrong: most dialers are {minutes:+,} minutes from it. Set it right, and keep"
            " it right with NTP. Until then nothing old is deleted, and no reading is later than its dialer says."
        )
    lines += [
        f"{_who(result)}: {one_line(result.failure, limit=500)}" for result in run.results if result.failure is not None
    ]
    lines += [
        f"{_who(result)}: {result.suspect} of its windows did not show all calls, or fewer than before and not twice"
        " the same; they are read again in the next cycle."
        for result in run.results
        if result.suspect
    ]
    lines += [
        f"{_who(result)}: {plural(result.windows_left, 'window')} could not be started in time; the next cycle goes on."
        for result in run.results
        if result.windows_left
    ]
    lines += [
        f"{_who(result)}: the dialer does not show {result.shortfall:,} calls any more that it showed before; they are"
        " kept, and counted in the table completeness."
        for result in run.results
        if result.shortfall
    ]
    lines += [
        f"{_who(result)}: {result.overlapping:,} of its calls were shown by another campaign first; they stay there."
        for result in run.results
        if result.overlapping
    ]
    lines += [f"{_who(result)}: {one_line(notice, limit=500)}" for result in run.results for notice in result.notices]
    return lines


def _who(what: ClientResult | SkippedRow) -> str:
    client = what.client_name or what.client_id
    return f"{one_line(what.campaign)} / {one_line(client)}" if client else one_line(what.campaign)


def marks(stream: TextIO | None = None) -> tuple[str, str]:
    """A tick and a cross that the console can print."""
    stream = stream or sys.stdout
    try:
        "✓✗".encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return "[ok]", "[failed]"
    return "✓", "✗"
