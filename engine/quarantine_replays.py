"""A replay: records of the quarantine, read again and committed in one transaction."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import xxhash

from config import Settings
from credentials.rows import parse_rows
from credentials.sources import usable_sources
from database import Warehouse
from engine.run_starts import new_run_id, read_forgotten_numbers
from engine.runs import end_run
from messages import Batch, CampaignOutcome, ClientOutcome, ClientResult, QuarantinedRecord, RunEnd, Source
from reading.quarantine import QuarantineReader, RereadResult
from spool.files import remove_run
from spool.phones import Phones
from utils import plural, utc_now

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of one replay."""

    results: tuple[ClientResult, ...] = ()
    staying: tuple[QuarantinedRecord, ...] = ()
    orphans: int = 0
    """Records whose row of the credentials table is gone, switched off or cannot be used."""
    bytes_billed: int | None = None

    @property
    def records(self) -> int:
        return sum(result.records for result in self.results)


def run_replay(
    warehouse: Warehouse, settings: Settings, stop: threading.Event, records: Sequence[QuarantinedRecord]
) -> Replay:
    """Read these records again. Those that are calls now leave the quarantine with the same commit.

    No call that is in the table changes: it may be newer than the record. Killed before the commit nothing has
    happened; after it these records are not there any more.
    """
    usable, _ = usable_sources(parse_rows(warehouse.reader.credential_rows()), settings)
    sources = {(source.key, source.report): source for source in usable}
    of_source: defaultdict[tuple[str, str], list[QuarantinedRecord]] = defaultdict(list)
    for record in records:
        of_source[record.source.key, record.report].append(record)
    orphans = sum(len(of_source.pop(key)) for key in of_source.keys() - sources.keys())
    if not of_source:
        return Replay(orphans=orphans)
    started = utc_now()
    run_id = new_run_id(started)
    LOG.info("Reading %s of the quarantine again", plural(sum(map(len, of_source.values())), "record"))
    known = _groups(warehouse, [record for kept in of_source.values() for record in kept])
    chosen = sorted((sources[key] for key in of_source), key=lambda source: (source.campaign, source.key))
    read: list[tuple[Source, RereadResult, float]] = []
    phones = Phones(settings, read_forgotten_numbers(warehouse, settings))
    try:
        for number, source in enumerate(chosen):
            if stop.is_set():
                return Replay()
            begun = time.monotonic()
            groups = frozenset(known[source.client_id])
            rereading = QuarantineReader(
                source, settings, run_id, f"replay-{number:04}", groups, phones, warehouse.reader.call_hashes
            )
            again = rereading.read(of_source[source.key, source.report])
            read.append((source, again, round(time.monotonic() - begun, 3)))
        begun = time.monotonic()
        results = warehouse.commit(_batch(run_id, read))
        commit_seconds = time.monotonic() - begun
    finally:
        remove_run(settings.data_dir, run_id)
    staying = tuple(record for _, again, _ in read for record in again.staying)
    seconds = (utc_now() - started).total_seconds()
    billed = end_run(warehouse, RunEnd(run_id=run_id, seconds=seconds, commit_seconds=commit_seconds))
    return Replay(tuple(results), staying, orphans, billed)


def _groups(warehouse: Warehouse, records: Sequence[QuarantinedRecord]) -> defaultdict[str, set[str]]:
    """Read the campaigns and in-groups of each client. Some damage can only be repaired with them."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for client_id, name in warehouse.reader.call_groups(sorted({record.window_day for record in records})):
        found[client_id].add(name)
    return found


def _batch(run_id: str, read: Sequence[tuple[Source, RereadResult, float]]) -> Batch:
    released = tuple(sorted(record_hash for _, again, _ in read for record_hash in again.released))
    return Batch(
        batch_id=xxhash.xxh3_128_hexdigest("\x1f".join([run_id, "replay", *released]).encode("utf-8")),
        run_id=run_id,
        outcomes=tuple(_outcomes(read)),
        watermarks=(),
        committed_at=utc_now(),
        released=released,
    )


def _outcomes(read: Sequence[tuple[Source, RereadResult, float]]) -> Iterator[CampaignOutcome]:
    for number, (campaign, group) in enumerate(groupby(read, key=lambda each: each[0].campaign)):
        members = list(group)
        yield CampaignOutcome(
            job_id=f"replay-{number:04}",
            campaign=campaign,
            sealed=tuple(again.sealed for _, again, _ in members),
            clients=tuple(
                ClientOutcome(
                    source=source.identity,
                    seconds=seconds,
                )
                for source, _, seconds in members
            ),
        )
