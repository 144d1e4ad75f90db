"""Answers of one source: requested, recognised by their header row, typed chunk by chunk and spooled."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import xxhash

from data_fetcher import Form
from errors import ReportUnknown, SentenceUnknown, raise_disk_full
from messages import Window
from reading.no_calls import NoCalls
from reading.parts import ALL_AT_ONCE, TOO_LARGE, Part
from reading.proofs import Counts
from reading.request_division import RequestDivider
from reading.source_runs import SourceRun
from reading.spooled_answers import SpooledAnswer
from reports import Chunk, Header
from reports.call_report_export import NAME as CALL_REPORT_EXPORT
from reports.leg_counting import count_legs_once
from reports.quarantined_records import UnreadableRecord
from reports.text_decoding import to_quarantine_text
from reports.utc_offsets import Offsets
from spool.files import WindowSpool, spool_directory
from utils import utc_now


@dataclass(frozen=True, slots=True)
class Export:
    """A downloaded export with its header row."""

    path: Path
    header: Header
    digest: str


class AnswerReader:
    """Requests to the dialer of one source. It remembers the levels of detail that the dialer has."""

    def __init__(self, run: SourceRun, divider: RequestDivider) -> None:
        self.offsets = Offsets()
        """Offsets from UTC that the calls of all answers show."""
        self._run = run
        self._divider = divider
        self._report = run.report
        self._details = self._report.details(run.build)
        self._answers = 0
        self._no_calls = NoCalls(run.settings.data_dir, run.source.key, run.dialer, run.names)

    @property
    def lowest_detail(self) -> str:
        """Return the level of detail with the fewest tables of the dialer."""
        return self._details[-1]

    def ask(self, window: Window, parts: tuple[Part, ...] = ALL_AT_ONCE) -> SpooledAnswer:
        """Ask once for each part and spool the answer. Too large parts are divided.

        Raises:
            ClientError, TransientError: a part could not be read. Nothing is left in the spool.
        """
        answer = self.start_answer(window, parts)
        try:
            for part in parts:
                self._read_part(answer, window, part)
        except TOO_LARGE:
            answer.spool.discard()
            smaller = self._divider.smaller_parts(window, parts)
            if not smaller:
                raise
            return self.ask(window, smaller)
        except BaseException:
            answer.spool.discard()
            raise
        return answer

    def start_answer(self, window: Window, parts: tuple[Part, ...] = ALL_AT_ONCE) -> SpooledAnswer:
        """Return an answer without any call."""
        run = self._run
        self._answers += 1
        spool = WindowSpool(
            spool_directory(run.settings.data_dir, run.run_id), f"{run.spool_name}-{self._answers}",
            lead_fields=run.settings.include_lead_fields,
        )  # fmt: skip
        return SpooledAnswer(spool, utc_now() + run.clock_shift, parts, counts=Counts(window.day))

    def _read_part(self, answer: SpooledAnswer, window: Window, part: Part) -> None:
        run = self._run
        path = run.settings.data_dir / "downloads" / f"{run.run_id}-{run.spool_name}-{self._answers}.download"
        with raise_disk_full(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        before = run.dialer.traffic.shortened
        try:
            with run.durations.measure("download"):
                export = self._download(window, path, part)
            answer.shortened += run.dialer.traffic.shortened - before
            if export:
                with run.parsing, run.durations.measure("parse"):
                    self._spool(export, answer, window)
        finally:
            path.unlink(missing_ok=True)

    def _download(self, window: Window, path: Path, part: Part) -> Export | None:
        """Download the export at the best level of detail of the dialer. None if there are no calls."""
        run, behaviour = self._run, self._run.behaviour
        while True:
            detail, *others = (part.detail,) if part.detail else self._details
            form = self._build_form(window, part, detail)
            try:
                download = run.dialer.download(self._report.PAGE, form, path, record_end=self._report.LAYOUT.line_end)
            except SentenceUnknown as exc:
                if not self._says_no_calls(exc, window, path, part):
                    raise
                download = None
            behaviour.has_answered = True
            if not download:
                return None
            behaviour.has_shown_export = True
            header = self._report.parse_header(download.start)
            if header.detail is None:
                raise ReportUnknown(run.source.host, "an export with another header row")
            if header.detail == detail or others[:1] in ([], [header.detail]):
                return Export(path, header, download.digest)
            self._details = tuple(others)  # the dialer does not know that level and has given its lowest

    def _build_form(self, window: Window, part: Part, detail: str) -> Form:
        return self._report.build_form(self._run.source, window, detail, half=part.half, names=part.names)

    def _says_no_calls(self, message: SentenceUnknown, window: Window, path: Path, part: Part) -> bool:
        """Tell whether the dialer says "no calls" in another language.

        Hours with known calls are no place to learn the sentence, unless this run has seen that the page works.
        """
        if self._report.NAME != CALL_REPORT_EXPORT or (window.known_legs and not self._run.behaviour.has_shown_export):
            return False

        def ask(other: Window) -> tuple[str, Form]:
            return self._report.PAGE, self._build_form(other, part, part.detail or self._details[0])

        return self._no_calls.are_meant(message, window, ask, path)

    def _spool(self, export: Export, answer: SpooledAnswer, window: Window) -> None:
        """Type the answer chunk by chunk, and write one spool file per DB_BATCH_SIZE chunks."""
        answer.digest += export.digest
        records = answer.records
        header_row = to_quarantine_text(export.header.row)
        for chunks in self._group_chunks(export):
            for chunk in chunks:
                answer.add(chunk)
                self.offsets.add(chunk.table)
            answer.spool.write_calls([self._run.phones.mask_rows(chunk.table) for chunk in chunks])
            unreadable = [record for chunk in chunks for record in chunk.quarantined]
            answer.spool.write_quarantine(
                [self._quarantine_row(record, header_row, answer.read_at, window) for record in unreadable]
            )
        answer.is_bare = answer.is_bare or answer.records == records
        answer.largest = max(answer.largest, answer.records - records)

    def _group_chunks(self, export: Export) -> Iterator[list[Chunk]]:
        settings = self._run.settings
        chunks = self._report.parse_records(
            export.path, export.header, self._run.source,
            chunk_records=settings.batch_size, lead_fields=settings.include_lead_fields,
        )  # fmt: skip
        counted = count_legs_once(chunks)
        while group := list(islice(counted, settings.db_batch_size)):
            yield group

    def _quarantine_row(
        self, unreadable: UnreadableRecord, header: str, read_at: datetime, window: Window
    ) -> dict[str, Any]:
        """Build the row of the quarantine for an unreadable record."""
        source = self._run.source
        text = unreadable.text
        record_hash = xxhash.xxh3_128_hexdigest(f"{source.key}\x1f{text}".encode())
        record, record_hash = self._run.phones.mask_record(text, record_hash)
        return {
            "record_hash": record_hash,
            "source_key": source.key,
            "campaign": source.campaign,
            "client_id": source.client_id,
            "client_name": source.client_name,
            "report": source.report,
            "reason": unreadable.reason,
            "record": record,
            "window_day": window.day,
            "header": header,
            "seen_at": read_at,
        }
