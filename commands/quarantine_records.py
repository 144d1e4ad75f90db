"""The records of `main.py quarantine`: chosen, grouped by reason, and put into words."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from commands.terminal_text import escape, mask
from config import Settings
from credentials.rows import parse_rows
from credentials.sources import usable_sources
from database import Warehouse
from engine.quarantine_replays import Replay
from engine.row_choice import is_chosen, no_match_error
from messages import QuarantinedRecord, SkippedRow, Source
from utils import format_moment, one_line, plural

SHORTEST_PREFIX, SHOWN_OF_HASH = 6, 12


@dataclass(frozen=True, slots=True)
class Group:
    """Records of one client and report that could not be read for one reason."""

    campaign: str
    client_id: str
    client_name: str | None
    report: str
    reason: str
    records: int
    first_seen_at: datetime
    last_seen_at: datetime
    example: QuarantinedRecord

    def for_programs(self) -> dict[str, object]:
        names = ("campaign", "client_id", "client_name", "report", "reason", "records")
        return {name: getattr(self, name) for name in names} | {
            "first_seen_at": format_moment(self.first_seen_at),
            "last_seen_at": format_moment(self.last_seen_at),
            "example_hash": self.example.record_hash,
            "example_masked": mask(self.example.record),
        }

    def lines(self) -> list[str]:
        who = f"{one_line(self.campaign)} / {one_line(self.client_name or self.client_id)}, {self.report}"
        return [
            f"{who}: {plural(self.records, 'record')}, first seen {_moment(self.first_seen_at)},"
            f" last seen {_moment(self.last_seen_at)}",
            f"    reason: {one_line(self.reason)}",
            f"    example {self.example.record_hash[:SHOWN_OF_HASH]}: {mask(self.example.record)}",
        ]


def group_records(records: Iterable[QuarantinedRecord]) -> list[Group]:
    """Group records by client, report and reason, the largest group first. The example was seen last."""

    def kind(record: QuarantinedRecord) -> tuple[str, str, str, str]:
        return record.source.campaign, record.source.client_id, record.report, record.reason

    found = []
    for _, alike in groupby(sorted(records, key=kind), key=kind):
        members = sorted(alike, key=lambda record: (record.last_seen_at, record.record_hash))
        last = members[-1]
        found.append(
            Group(
                last.source.campaign, last.source.client_id, last.source.client_name, last.report, last.reason,
                len(members),
                min(member.first_seen_at for member in members), last.last_seen_at, last,
            )
        )  # fmt: skip
    return sorted(found, key=lambda group: -group.records)


def select_records(
    warehouse: Warehouse, settings: Settings, campaign: str | None, client: str | None
) -> list[QuarantinedRecord]:
    """Return the records of a campaign, and of a client by ClientName or ClientID. None takes all.

    Raises:
        NobodyChosen: neither a record nor a row of the credentials table has these names.
    """
    records = [
        record
        for record in warehouse.reader.quarantine()
        if campaign in (None, record.source.campaign)
        and client in (None, record.source.client_id, record.source.client_name)
    ]
    if not records and (campaign, client) != (None, None):
        usable, skipped = usable_sources(parse_rows(warehouse.reader.credential_rows()), settings)
        rows: list[Source | SkippedRow] = [*usable, *skipped]
        if not any(is_chosen(row, campaign, client) for row in rows):
            raise no_match_error(warehouse, campaign, client)
    return records


def find_records(records: Sequence[QuarantinedRecord], wanted: str) -> list[QuarantinedRecord]:
    """Return the records of one reason, or with a hash that begins so. The last seen comes first."""
    prefix = wanted.lower()
    hashed = len(wanted) >= SHORTEST_PREFIX
    found = [record for record in records if record.reason == wanted]
    found = found or [record for record in records if hashed and record.record_hash.startswith(prefix)]
    return sorted(found, key=lambda record: (record.last_seen_at, record.record_hash), reverse=True)


def render_record(record: QuarantinedRecord, encoding: str) -> str:
    who = f"{record.source.title}, {record.report}"
    seen = f"first seen {_moment(record.first_seen_at)}, last seen {_moment(record.last_seen_at)}"
    lines = [
        f"{record.record_hash}: {who}, {record.window_day}, {seen}",
        f"    reason: {record.reason}",
        *([f"    header: {record.header}"] if record.header else []),
        f"    record: {record.record}",
    ]
    return "\n".join(escape(line, encoding) for line in lines)


def replay_summary(replay: Replay) -> str:
    """Say how many records became calls, and for which reasons the others stay."""
    names = ("inserted", "unchanged", "duplicates")
    inserted, unchanged, copies = (sum(getattr(result, name) for result in replay.results) for name in names)
    lines = [
        f"{plural(replay.records, 'record')} read again: {plural(inserted, 'call')} inserted, {unchanged:,} unchanged"
        f" (in the table already), {plural(copies, 'duplicate')}, {len(replay.staying):,} stay in quarantine"
    ]
    reasons = Counter(record.reason for record in replay.staying)
    lines += [f"    {count:,}: {one_line(reason)}" for reason, count in reasons.most_common()]
    if replay.orphans:
        lines.append(
            f"{plural(replay.orphans, 'record')} not tried: the source is not in the credentials table any"
            " more, or is switched off there, or its row cannot be used"
        )
    if replay.bytes_billed is not None:
        lines.append(f"BigQuery billed: {replay.bytes_billed / 1e6:,.0f} MB")
    return "\n".join(lines)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
