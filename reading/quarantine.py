"""Second reading of quarantined records with today's parser. Records that are calls now are spooled.

Records of the same answer are read as one answer, because equal legs are told apart by counting them. The answers are
read in their order, because the latest of several states of a call must be committed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from config import Settings
from messages import QuarantinedRecord, SealedWindow, Source, Window
from reading.spooled_answers import SpooledAnswer
from reports import REPORTS, Chunk
from reports.equal_keys import TWO_OF_ONE_IDENTITY
from reports.text_decoding import from_quarantine_text, to_quarantine_text
from spool.files import WindowSpool, spool_directory
from spool.phones import HIDDEN, Phones
from tables import QUARANTINE_COLUMNS
from utils import utc_now

RecordsByText = Mapping[str, QuarantinedRecord]
"""Records by the text that would stand for them in the quarantine again."""
FindHashes = Callable[[Sequence[str], Sequence[date]], Mapping[str, str]]
"""Returns call_key → row_hash of the table's calls with these keys and days."""
PLACE_TAKEN = "without a uniqueid, and the table has another call of that moment, group and number"


@dataclass(frozen=True, slots=True)
class RereadResult:
    """Result for the records of one source."""

    sealed: SealedWindow
    """A window without hours, so that it moves no watermark."""
    released: tuple[str, ...]
    """Hashes of the records that are calls now."""
    staying: tuple[QuarantinedRecord, ...]
    """Records that stay in the quarantine, with the reason of today's parser."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Records that were read together, their chunks, and the rows for the spool."""

    header: bytes
    records: RecordsByText
    chunks: Sequence[Chunk]
    rows: Sequence[pa.Table]


@dataclass(slots=True)
class QuarantineReader:
    """Second reading of the records of one source. ``groups``: the known campaigns and in-groups of its client."""

    source: Source
    settings: Settings
    run_id: str
    name: str
    groups: frozenset[str]
    phones: Phones
    find_hashes: FindHashes
    _tables: list[pa.Table] = field(default_factory=list)
    _staying: list[QuarantinedRecord] = field(default_factory=list)

    def read(self, records: Sequence[QuarantinedRecord]) -> RereadResult:
        """Read records, and spool the calls and the records with a new reason."""
        spool = WindowSpool(
            spool_directory(self.settings.data_dir, self.run_id), self.name,
            lead_fields=self.settings.include_lead_fields,
        )  # fmt: skip
        answer = SpooledAnswer(spool, utc_now())
        parts = [part for group in _group_by_answer(records) for part in self._read_answer(group)]
        known = self._find_known_hashes([rows for part in parts for rows in part.rows])
        for part in parts:
            self._take_part(part, known, answer)
        spool.write_calls(self._tables)
        spool.write_quarantine([_quarantine_row(record) for record in self._find_new_reasons(records)])
        stay = {record.record_hash for record in self._staying}
        released = tuple(record.record_hash for record in records if record.record_hash not in stay)
        return RereadResult(self._build_sealed_window(answer, records), released, tuple(self._staying))

    def _read_answer(self, answer: Sequence[QuarantinedRecord]) -> Iterator[_Part]:
        layout = REPORTS[self.source.report].LAYOUT
        header = from_quarantine_text(answer[0].header) if answer[0].header else layout.usual_header
        readable: dict[str, QuarantinedRecord] = {}
        for record in answer:
            raw = from_quarantine_text(record.record)
            if self._is_readable(record, raw, header):
                readable[to_quarantine_text(raw)] = record
        stay = {record.record_hash for record in answer} - {record.record_hash for record in readable.values()}
        self._staying += [record for record in answer if record.record_hash in stay]
        for part, chunks in self._read_parts(header, readable):
            for chunk in chunks:
                self._staying += [replace(part[each.text], reason=each.reason) for each in chunk.quarantined]
            if chunks:
                rows = [self.phones.mask_rows(chunk.table) for chunk in chunks]
                yield _Part(header, part, chunks, rows)

    def _find_known_hashes(self, tables: Sequence[pa.Table]) -> Mapping[str, str]:
        """Return the table's hashes under the keys of rows without a uniqueid."""
        bare = [table.filter(pc.is_null(table["uniqueid"])) for table in tables]
        keys = sorted({key for table in bare for key in table["call_key"].to_pylist()})
        days = sorted({day for table in bare for day in table["call_date"].to_pylist()})
        return self.find_hashes(keys, days) if keys else {}

    def _take_part(self, part: _Part, known: Mapping[str, str], answer: SpooledAnswer) -> None:
        """Keep the rows for the spool, except those with another call under their key. Their records stay.

        Legs without a uniqueid are counted within an answer, and a record comes without the readable ones of its
        answer. It would count as the call that one of these has become, and be lost.
        """
        gone: set[str] = set()
        left: set[str] = set()
        for chunk, rows in zip(part.chunks, part.rows, strict=True):
            shown = list(zip(rows["call_key"].to_pylist(), rows["row_hash"].to_pylist(), strict=True))
            free = [known.get(key, row_hash) == row_hash for key, row_hash in shown]
            gone |= {row_hash for (_, row_hash), is_free in zip(shown, free, strict=True) if not is_free}
            left |= {row_hash for (_, row_hash), is_free in zip(shown, free, strict=True) if is_free}
            answer.add(chunk)
            answer.rows -= free.count(False)
            self._tables.append(rows.filter(pa.array(free, pa.bool_())))
        if gone:
            self._staying += self._find_displaced(part, left - gone)

    def _find_displaced(self, part: _Part, left: set[str]) -> list[QuarantinedRecord]:
        """Return the records of the rows left out. Each record is read alone to find its row."""
        refused = {each.text for chunk in part.chunks for each in chunk.quarantined}
        staying = []
        for text, record in part.records.items():
            tables = [chunk.table for chunk in self._parse_records(part.header, {text: record})]
            known = any(table["uniqueid"].null_count < table.num_rows for table in tables)
            hashes = {each for table in tables for each in self.phones.mask_rows(table)["row_hash"].to_pylist()}
            if text not in refused and not known and not (hashes and hashes <= left):
                staying.append(replace(record, reason=PLACE_TAKEN))
        return staying

    def _is_readable(self, record: QuarantinedRecord, raw: bytes, header: bytes) -> bool:
        """Tell whether today's parser may read a record.

        It aligns damaged fields by the names of the campaigns. Without any it could take another text for a campaign.
        A record that lost to another of its identity would now stand alone and look sound. One with hidden numbers
        would be another call.
        """
        if HIDDEN in record.record:
            return False
        layout = REPORTS[self.source.report].LAYOUT
        layout_known = layout.fits(header, raw) or (record.header is not None and bool(self.groups))
        return layout.is_beginning(raw) and layout_known and record.reason != TWO_OF_ONE_IDENTITY

    def _read_parts(self, header: bytes, records: RecordsByText) -> Iterator[tuple[RecordsByText, Sequence[Chunk]]]:
        """Read records together. If the parser splits them otherwise, each is read alone."""
        chunks = self._parse_records(header, records) if records else []
        refused = {each.text for chunk in chunks for each in chunk.quarantined}
        if sum(chunk.records for chunk in chunks) == len(records) and refused <= records.keys():
            yield records, chunks
        elif len(records) > 1:
            for text, record in records.items():
                yield from self._read_parts(header, {text: record})
        else:
            self._staying += records.values()

    def _parse_records(self, header_row: bytes, records: RecordsByText) -> Sequence[Chunk]:
        """Parse records as one answer. There is no chunk if the header is not one of this report."""
        report = REPORTS[self.source.report]
        path = self.settings.data_dir / "downloads" / f"{self.run_id}-{self.name}.download"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            raw = [from_quarantine_text(text) for text in records]
            answer = report.LAYOUT.build_answer(header_row, raw)
            path.write_bytes(answer)
            header = report.parse_header(answer)
            if header.detail is None:
                return []
            return list(
                report.parse_records(
                    path, header, self.source, chunk_records=len(records),
                    lead_fields=self.settings.include_lead_fields, groups=self.groups,
                )
            )  # fmt: skip
        finally:
            path.unlink(missing_ok=True)

    def _find_new_reasons(self, records: Sequence[QuarantinedRecord]) -> list[QuarantinedRecord]:
        """Return the records with another reason than before."""
        before = {record.record_hash: record.reason for record in records}
        return [record for record in self._staying if record.reason != before[record.record_hash]]

    def _build_sealed_window(self, answer: SpooledAnswer, records: Sequence[QuarantinedRecord]) -> SealedWindow:
        source = self.source
        return SealedWindow(
            source=source.identity,
            report=source.report,
            timezone=source.timezone,
            window=Window(
                day=max(record.window_day for record in records),
                first_hour=0,
                last_hour=23,
                since=min(record.first_seen_at for record in records),
                until=max(record.last_seen_at for record in records),
            ),
            read_at=answer.read_at,
            call_files=tuple(answer.spool.call_files),
            quarantine_files=tuple(answer.spool.quarantine_files),
            records=len(records),
            rows=answer.rows,
            duplicates=answer.duplicates,
            quarantined=len(self._staying),
            first_day=min(answer.days, default=None),
            last_day=max(answer.days, default=None),
        )


def _group_by_answer(records: Sequence[QuarantinedRecord]) -> Iterator[list[QuarantinedRecord]]:
    """Group records by their last answer, the earliest answer first."""
    ordered = sorted(records, key=lambda record: (record.last_seen_at, record.header or "", record.record))
    for _, answer in groupby(ordered, key=lambda record: (record.last_seen_at, record.header or "")):
        yield list(answer)


def _quarantine_row(record: QuarantinedRecord) -> Mapping[str, Any]:
    """Build a row of QUARANTINE_COLUMNS. The record was not seen again."""
    names = record.source.columns()
    others = {column.name for column in QUARANTINE_COLUMNS} - names.keys() - {"seen_at"}
    return names | {name: getattr(record, name) for name in others} | {"seen_at": record.last_seen_at}
