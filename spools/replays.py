"""Reads records of the quarantine again, with the reader of today, and spools those that are calls now.

Records that the same answer showed last are read as one answer, because equal legs are told apart by counting them; and
the answers in their order, because of several states of one call the latest is the one to be committed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby

import pyarrow as pa

from config import Settings
from frames import Frame, frame_of
from messages import Credential, QuarantinedRecord, SealedWindow, Window
from reports import REPORTS, Chunk
from reports.legs import TWO_OF_ONE_IDENTITY
from reports.texts import as_it_came, kept_as_it_came
from spools.files import WindowSpool, spool_directory
from spools.phones import HIDDEN, Phones
from spools.readings import Reading
from tables import QUARANTINE_COLUMNS, arrow_schema
from utils import utc_now

Kept = Mapping[str, QuarantinedRecord]
"""Records by the text under which the reader would keep them again."""
HashesOf = Callable[[Sequence[str], Sequence[date]], Mapping[str, str]]
"""call_key → row_hash of the calls that the table has, of these keys and days."""
PLACE_TAKEN = "without a uniqueid, and the table has another call of that moment, group and number"


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """What became of the records of one source."""

    sealed: SealedWindow
    """Without hours: it moves no watermark."""
    released: tuple[str, ...]
    """Hashes of the records that are calls now."""
    staying: tuple[QuarantinedRecord, ...]
    """With the reason that the reader of today gives."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Records that were read together, what the reader made of them, and the rows as they are to be spooled."""

    header: bytes
    kept: Kept
    chunks: Sequence[Chunk]
    rows: Sequence[Frame]


@dataclass(slots=True)
class Rereading:
    """The records of one source; ``groups`` are the campaigns and in-groups that its client is known to have."""

    source: Credential
    settings: Settings
    run_id: str
    name: str
    groups: frozenset[str]
    phones: Phones
    hashes_of: HashesOf
    _frames: list[Frame] = field(default_factory=list)
    _staying: list[QuarantinedRecord] = field(default_factory=list)

    def read(self, records: Sequence[QuarantinedRecord]) -> ReadAgain:
        spool = WindowSpool(
            spool_directory(self.settings.data_dir, self.run_id), self.name,
            lead_fields=self.settings.include_lead_fields,
        )  # fmt: skip
        reading = Reading(spool, utc_now())
        parts = [part for answer in _answers(records) for part in self._read_answer(answer)]
        known = self._known([rows for part in parts for rows in part.rows])
        for part in parts:
            self._take(part, known, reading)
        spool.write_calls(self._frames)
        spool.write_quarantine([_frame(self._changed(records))])
        stay = {record.record_hash for record in self._staying}
        released = tuple(record.record_hash for record in records if record.record_hash not in stay)
        return ReadAgain(self._sealed(reading, records), released, tuple(self._staying))

    def _read_answer(self, answer: Sequence[QuarantinedRecord]) -> Iterator[_Part]:
        layout = REPORTS[self.source.report].KEPT
        header = as_it_came(answer[0].header) if answer[0].header else layout.usual_header
        kept: dict[str, QuarantinedRecord] = {}
        for record in answer:
            raw = as_it_came(record.record)
            if self._is_readable(record, raw, header):
                kept[kept_as_it_came(raw)] = record
        stay = {record.record_hash for record in answer} - {record.record_hash for record in kept.values()}
        self._staying += [record for record in answer if record.record_hash in stay]
        for part, chunks in self._parts(header, kept):
            for chunk in chunks:
                self._staying += [
                    replace(part[text], reason=reason)
                    for text, reason in chunk.quarantined.itertuples(index=False, name=None)
                ]
            if chunks:
                yield _Part(header, part, chunks, [self.phones.stored(chunk.rows) for chunk in chunks])

    def _known(self, frames: Sequence[Frame]) -> Mapping[str, str]:
        """What the table has under the keys of rows without a uniqueid."""
        bare = [frame[frame["uniqueid"].isna()] for frame in frames]
        keys = sorted({key for frame in bare for key in frame["call_key"]})
        days = sorted({day for frame in bare for day in frame["call_date"]})
        return self.hashes_of(keys, days) if keys else {}

    def _take(self, part: _Part, known: Mapping[str, str], reading: Reading) -> None:
        """Spool the rows, but not those of whose leg another call is in the table: their records stay.

        Legs without a uniqueid are counted within an answer, and a record comes without the readable ones of its own:
        it would count as the call that one of these has become, and be lost.
        """
        gone: set[str] = set()
        left: set[str] = set()
        for chunk, rows in zip(part.chunks, part.rows, strict=True):
            shown = list(zip(rows["call_key"], rows["row_hash"], strict=True))
            free = [known.get(key, row_hash) == row_hash for key, row_hash in shown]
            gone |= {row_hash for (_, row_hash), is_free in zip(shown, free, strict=True) if not is_free}
            left |= {row_hash for (_, row_hash), is_free in zip(shown, free, strict=True) if is_free}
            reading.add(replace(chunk, rows=rows[free]))
            self._frames.append(rows[free])
        if gone:
            self._staying += self._without_place(part, left - gone)

    def _without_place(self, part: _Part, left: set[str]) -> list[QuarantinedRecord]:
        """Which record a row is of is found out by reading each alone; one that is not found again stays."""
        refused = {text for chunk in part.chunks for text in chunk.quarantined["record"]}
        staying = []
        for text, record in part.kept.items():
            frames = [chunk.rows for chunk in self._chunks(part.header, {text: record})]
            known = any(frame["uniqueid"].notna().any() for frame in frames)
            hashes = {row_hash for frame in frames for row_hash in self.phones.stored(frame)["row_hash"]}
            if text not in refused and not known and not (hashes and hashes <= left):
                staying.append(replace(record, reason=PLACE_TAKEN))
        return staying

    def _is_readable(self, record: QuarantinedRecord, raw: bytes, header: bytes) -> bool:
        """Whether the reader of today may be asked.

        It aligns damaged fields by the names of the campaigns: without any it would take another text for one. And a
        record that was read, and lost to another of its identity, would now stand alone and look sound. One whose
        numbers were hidden would be another call.
        """
        if HIDDEN in record.record:
            return False
        layout = REPORTS[self.source.report].KEPT
        layout_known = layout.fits(header, raw) or (record.header is not None and bool(self.groups))
        return layout.begins(raw) and layout_known and record.reason != TWO_OF_ONE_IDENTITY

    def _parts(self, header: bytes, kept: Kept) -> Iterator[tuple[Kept, Sequence[Chunk]]]:
        """What the reader makes of them; where it finds other records than were kept, each has to be read alone."""
        chunks = self._chunks(header, kept) if kept else []
        refused = {text for chunk in chunks for text in chunk.quarantined["record"]}
        if sum(chunk.records for chunk in chunks) == len(kept) and refused <= kept.keys():
            yield kept, chunks
        elif len(kept) > 1:
            for text, record in kept.items():
                yield from self._parts(header, {text: record})
        else:
            self._staying += kept.values()

    def _chunks(self, header: bytes, kept: Kept) -> Sequence[Chunk]:
        """None where the header is not one of this report."""
        report = REPORTS[self.source.report]
        path = self.settings.data_dir / "downloads" / f"{self.run_id}-{self.name}.download"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.write_bytes(report.KEPT.answer(header, [as_it_came(text) for text in kept]))
            if report.shows(path) is None:
                return []
            return list(
                report.read(
                    path, self.source, chunk_records=len(kept), lead_fields=self.settings.include_lead_fields,
                    groups=self.groups,
                )
            )  # fmt: skip
        finally:
            path.unlink(missing_ok=True)

    def _changed(self, records: Sequence[QuarantinedRecord]) -> list[QuarantinedRecord]:
        """Those that stay for another reason."""
        before = {record.record_hash: record.reason for record in records}
        return [record for record in self._staying if record.reason != before[record.record_hash]]

    def _sealed(self, reading: Reading, records: Sequence[QuarantinedRecord]) -> SealedWindow:
        source = self.source
        return SealedWindow(
            source_key=source.source_key,
            campaign=source.campaign,
            client_id=source.client_id,
            client_name=source.client_name,
            report=source.report,
            timezone=source.timezone,
            window=Window(
                day=max(record.window_day for record in records),
                first_hour=0,
                last_hour=23,
                since=min(record.first_seen_at for record in records),
                until=max(record.last_seen_at for record in records),
            ),
            read_at=reading.read_at,
            call_files=tuple(reading.spool.call_files),
            quarantine_files=tuple(reading.spool.quarantine_files),
            records=len(records),
            rows=reading.rows,
            duplicates=reading.duplicates,
            quarantined=len(self._staying),
            first_day=min(reading.days, default=None),
            last_day=max(reading.days, default=None),
        )


def _answers(records: Sequence[QuarantinedRecord]) -> Iterator[list[QuarantinedRecord]]:
    """Records that the same answer showed last, the earliest answer first."""
    ordered = sorted(records, key=lambda record: (record.last_seen_at, record.header or "", record.record))
    for _, answer in groupby(ordered, key=lambda record: (record.last_seen_at, record.header or "")):
        yield list(answer)


def _frame(records: Sequence[QuarantinedRecord]) -> Frame:
    """Rows of a spool file of quarantined records; they were not seen again."""
    shown = [name for name in (column.name for column in QUARANTINE_COLUMNS) if name != "seen_at"]
    rows = [{name: getattr(record, name) for name in shown} | {"seen_at": record.last_seen_at} for record in records]
    return frame_of(pa.Table.from_pylist(rows, arrow_schema(QUARANTINE_COLUMNS)))
