"""A worker's whole story: reads the windows of one campaign's clients and leaves typed rows in the spool.

It never raises: this is the one place that makes errors data. Several clients are downloaded at a time, one answer is
parsed at a time, so that a worker's memory does not grow with the number of its clients.
"""

import logging
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

from config import Settings
from data_fetcher import Dialer, Traffic
from dialers.versions import WRONG_CLOCK, WRONG_ZONE, DialerVersion, clock_troubles
from errors import (
    CampaignsUnnamed,
    DialerFailed,
    MemoryShort,
    ReportUnknown,
    RequestCancelled,
    SyncError,
    TransientError,
    WrongZone,
    full_disk_named,
    is_lack_of_memory,
)
from messages import (
    CLOCK_TOLERANCE,
    CampaignJob,
    CampaignOutcome,
    ClientJob,
    ClientOutcome,
    Credential,
    RefusedAccount,
    SealedWindow,
    Window,
)
from reports import REPORTS
from reports.call_report_export import ALL
from schedules.days import hour_start, local_day, local_hour
from spools.phones import Phones
from spools.readings import Durations, SourceReader
from stops import stop_requested
from utils import one_line, plural, utc_now

LOG = logging.getLogger(__name__)

OTHER_DAYS = timedelta(hours=12)
"""A dialer whose clock is off by as much has other days than those that are planned."""
BUILD_THAT_KNOWS_ALL = 190116
"""Before it, ``---ALL---`` for campaigns and in-groups gives no calls, without a word."""
BUILD_THAT_KNOWS_HOURS = 230622
"""Before it, a dialer answers the whole day whatever hours it is asked for."""


def process_campaign(job: CampaignJob, settings: Settings) -> CampaignOutcome:
    """Read every window of the job that can be started in time; the worker's entry point."""
    try:
        frugal = replace(settings, concurrent_requests=1, db_batch_size=1)
        return read_campaign(job, frugal if job.alone else settings)
    except Exception as exc:  # noqa: BLE001 - the process boundary: nothing may escape it
        failure, label = _unforeseen(exc, job.campaign)
        return CampaignOutcome(
            job_id=job.job_id, campaign=job.campaign, failure=failure, label=label,
            short_of_memory=label == MemoryShort.label,
        )  # fmt: skip


def read_campaign(job: CampaignJob, settings: Settings) -> CampaignOutcome:
    """All clients, none held up by those of another host."""
    parsing = threading.Lock()
    readers = [ClientReader(client, number, job, settings, parsing) for number, client in enumerate(job.clients)]
    ended = _read_side_by_side(_turns(readers, job.run_id) if job.alone else readers, settings.concurrent_requests)
    clients = tuple(ended[reader] for reader in readers)
    return CampaignOutcome(
        job_id=job.job_id,
        campaign=job.campaign,
        sealed=tuple(window for reader in readers for window in reader.sealed),
        clients=clients,
        refused=tuple(reader.refused for reader in readers if reader.refused),
        short_of_memory=any(client.label == MemoryShort.label for client in clients),
    )


def _turns(readers: "Sequence[ClientReader]", run_id: str) -> "Sequence[ClientReader]":
    """Another order in each run: whoever takes all the time, or the memory that ends the worker, is not always first.

    By how far behind they are, that very client would be, and nobody else would ever be read.
    """
    return Random(run_id).sample(readers, len(readers))  # noqa: S311 - fairness, no secret


def _read_side_by_side(readers: "Sequence[ClientReader]", most: int) -> "dict[ClientReader, ClientOutcome]":
    """How each went; no thread is taken by one who could only wait for a connection."""
    waiting = list(readers)
    running: dict[Future[ClientOutcome], ClientReader] = {}
    ended: dict[ClientReader, ClientOutcome] = {}
    with ThreadPoolExecutor(min(most, len(readers)), "client") as threads:
        while waiting or running:
            while len(running) < most and (following := _next_of(waiting, running.values())):
                waiting.remove(following)
                running[threads.submit(following.read)] = following
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                ended[running.pop(future)] = future.result()
    return ended


def _next_of(waiting: "Sequence[ClientReader]", running: "Collection[ClientReader]") -> "ClientReader | None":
    """The first one of the host that is asked least, among hosts that may have one more connection."""
    busy = Counter(reader.host for reader in running)
    free = (reader for reader in waiting if busy[reader.host] < reader.connections)
    return min(free, key=lambda reader: busy[reader.host], default=None)


class ClientReader:
    """Reads one source: its windows in order, until one fails, time is over or the run is stopped.

    An empty HTTP 500 may be the fault of one window (too many rows, no agent login), so that the next ones are read.
    """

    def __init__(
        self, client: ClientJob, number: int, job: CampaignJob, settings: Settings, parsing: threading.Lock
    ) -> None:
        self.sealed: list[SealedWindow] = []
        self.refused: RefusedAccount | None = None
        self.host = client.credential.host
        self.connections = client.credential.max_connections
        self._source = client.credential
        self._client = client
        self._windows = client.windows
        self._name = f"{job.job_id}-{number:04}"
        self._job = job
        self._settings = settings
        self._parsing = parsing
        self._again = client.again
        self._misdated = client.misdated
        self._notices: list[str] = []
        self._label = "completed"
        self._read_again = 0
        self._clock_gap: timedelta | None = None
        self._windows_read = 0
        self._traffic = Traffic()
        self._durations = Durations()

    def read(self) -> ClientOutcome:
        """How it went; never raises."""
        started = time.monotonic()
        source = self._source
        failure: tuple[str, str] | None = None
        try:
            with full_disk_named(self._settings.data_dir):
                self._read_source()
        except SyncError as exc:
            failure = str(exc), exc.label
            LOG.warning("%s: %s", one_line(source.client_name), exc)
        except Exception as exc:  # noqa: BLE001 - a client's trouble stays with the client
            failure = _unforeseen(exc, self._job.campaign)
            LOG.error("%s: %s", one_line(source.client_name), failure[0])  # noqa: TRY400 - a traceback may hold a secret
        return ClientOutcome(
            source_key=source.source_key,
            campaign=source.campaign,
            client_id=source.client_id,
            client_name=source.client_name,
            failure=failure[0] if failure else None,
            label=failure[1] if failure else self._label,
            windows_planned=len(self._windows) + self._read_again,
            windows_read=self._windows_read,
            requests=self._traffic.requests,
            retries=self._traffic.retries,
            bytes_received=self._traffic.bytes_received,
            seconds=round(time.monotonic() - started, 3),
            download_seconds=round(self._durations.download, 3),
            parse_seconds=round(self._durations.parse, 3),
            notices=tuple(self._notices),
            clock_gap=self._clock_gap if self._job.backfill_id is None else None,  # past days need no clock
        )

    def _read_source(self) -> None:
        source, job = self._source, self._job
        if not source.verify_tls and source.dialer_url.startswith("https:"):
            self._notices.append(
                f"the TLS certificate of {source.host} is not checked, since its row says so (VerifyTLS): who stands in"
                " between can read the password and the calls"
            )
        until = job.no_new_window_after - job.clock_shift
        cycle = job.backfill_id is None  # the next one asks again; what a backfill leaves out is not read for days
        with Dialer(
            source, self._settings, job.run_id, cancelled=stop_requested, until=until, heeds_silence=cycle
        ) as dialer:
            self._traffic = dialer.traffic
            try:
                self._read_windows(dialer)
            finally:
                self.refused = dialer.refused

    def _read_windows(self, dialer: Dialer) -> None:
        version = dialer.version()
        self._check_version(version)
        knows_hours = version is None or version.build >= BUILD_THAT_KNOWS_HOURS
        if not knows_hours:
            self._windows, self._again = _by_days(self._windows), _by_days(self._again)
        reader = SourceReader(
            dialer, self._source, self._settings, spool_name=self._name, run_id=self._job.run_id,
            build=version.build if version else None, parsing=self._parsing, clock_shift=self._reading_shift,
            durations=self._durations, phones=Phones(self._settings, self._job.forgotten), knows_hours=knows_hours,
            has_shown_calls=self._client.has_shown_calls, without_inbound=self._client.without_inbound,
            may_go_on=self._may_go_on,
        )  # fmt: skip
        failed: DialerFailed | None = None
        waiting = deque(self._windows)
        while waiting and self._may_go_on():
            try:
                self._read_window(reader, waiting.popleft())
            except DialerFailed as exc:
                failed = failed or exc
            if knows_hours and not reader.knows_hours:  # a build that does not tell its number
                knows_hours, merged = False, _by_days(tuple(waiting))
                self._windows_read += len(waiting) - len(merged)
                waiting = deque(merged)
        if failed:
            raise failed
        self._read_what_was_in_another_zone(reader)

    @property
    def _reading_shift(self) -> timedelta:
        """What is added to the machine's clock: no reading is later than its dialer says."""
        gap = self._clock_gap or timedelta()
        return self._job.clock_shift + (gap if gap < -CLOCK_TOLERANCE else timedelta())

    def _may_go_on(self) -> bool:
        return not stop_requested() and utc_now() + self._job.clock_shift <= self._job.no_new_window_after

    def _read_window(self, reader: SourceReader, window: Window) -> None:
        """Take each piece of a window as soon as it is sealed; what follows may fail."""
        pieces: list[SealedWindow] = []
        for sealed in reader.read(window, self._job.backfill_id):
            self.sealed.append(sealed)
            pieces.append(sealed)
            self._check_limit(sealed)
            LOG.debug("%s: %s %s", one_line(self._source.client_name), window.day, plural(sealed.records, "record"))
        self._tell_of_cuts(pieces)
        self._windows_read += sum(len(piece.window.hours) for piece in pieces) >= len(window.hours)

    def _tell_of_cuts(self, pieces: Sequence[SealedWindow]) -> None:
        """Tell once per planned window what was cut, and what an operator can do about it."""
        host, suspects = self._source.host, [piece for piece in pieces if piece.suspect]
        if suspects:
            day, reason = suspects[0].window.day, suspects[0].suspect
            hours = ", ".join(f"{piece.window.first_hour}-{piece.window.last_hour}" for piece in suspects)
            self._notices.append(
                f"{host} does not show all calls of {day} (hours {hours}): {reason}. What came is kept, and these hours"
                " are read again in every cycle. On the dialer, look in its web server's error log for a crashed table"
                " (repair it with mysqlcheck), PHP's memory_limit or max_execution_time."
            )
        if mended := [piece for piece in pieces if piece.mended]:
            self._notices.append(
                f"{host} first showed {mended[0].window.day} cut short, and whole when it was asked again"
            )

    def _read_what_was_in_another_zone(self, reader: SourceReader) -> None:
        """A day that cannot be read now was read before: it is no failure, and its calls keep their times."""
        trouble: SyncError | None = None
        for window in self._again:
            if not self._may_go_on():
                break
            try:
                self._read_window(reader, window)
            except (DialerFailed, ReportUnknown) as exc:
                trouble = exc
                continue
            except RequestCancelled:
                raise
            except TransientError as exc:
                trouble = exc
                break
            self._read_again += 1
        self._tell_what_is_left(trouble)

    def _tell_what_is_left(self, trouble: SyncError | None) -> None:
        believed = {sealed.window for sealed in self.sealed if sealed.suspect is None}
        unread = {window.day for window in (*self._windows, *self._again) if window not in believed}
        left = (self._misdated - {window.day for window in believed}) | (self._misdated & unread)
        if self._misdated:
            what = f"its time zone is {self._source.timezone} now and was another before:"
            days = plural(len(self._misdated), "day")
            goes_on = f"of {days} that were read, {len(left)} are still to be read again; the next cycles go on"
            done = f"what was read of {days} has been read again, and call_time is right"
            self._notices.append(f"{what} {goes_on if left else done}")
        if trouble:
            self._notices.append(f"a day could not be read again, and is tried once more: {trouble}")

    def _check_limit(self, sealed: SealedWindow) -> None:
        """A dialer that shows as many calls as it ever shows has probably more."""
        most = REPORTS[sealed.report].MOST_RECORDS
        if sealed.records >= most:
            self._notices.append(
                f"{self._source.host} shows at most {most:,} calls at once, and that many came for {sealed.window.day}:"
                " others of that day are missing; name campaigns and in-groups in several rows"
            )

    def _check_version(self, version: DialerVersion | None) -> None:
        """What the dialer's build cannot do, and whether its clock and the row's time zone agree."""
        if version is not None:
            refuse_unnamed(self._source, version)
            now = utc_now() + self._job.clock_shift
            self._clock_gap = version.now - now
            troubles = list(clock_troubles(version, self._source, now))
            if abs(self._clock_gap) > OTHER_DAYS and self._job.backfill_id is None:
                self._label = WRONG_CLOCK
                self._windows += _days_of(self._source, version.now)
            self._notices += map(str, troubles)
            for wrong in (trouble for trouble in troubles if trouble.wrong_zone):
                if self._job.backfill_id is not None:
                    raise WrongZone(wrong.happened, wrong.advice)
                self._label = WRONG_ZONE
                self._again, self._misdated = (), frozenset()  # by its clock these would only become wrong


def _days_of(source: Credential, now: datetime) -> tuple[Window, ...]:
    """Windows of a dialer's own today and yesterday, which are other days than those that were planned."""
    today = local_day(now, source.timezone)
    hours = ((today, local_hour(now, source.timezone)), (today - timedelta(days=1), 23))
    return tuple(
        Window(
            day=day,
            first_hour=0,
            last_hour=last_hour,
            since=hour_start(day, 0, source.timezone),
            until=hour_start(day, last_hour + 1, source.timezone),
            first_read=True,
        )
        for day, last_hour in hours
    )


def refuse_unnamed(source: Credential, version: DialerVersion) -> None:
    """Raises CampaignsUnnamed where the row wants all campaigns and the dialer's build does not know that word."""
    named = {value for name, value in source.parameters if name in ("campaign[]", "group[]")}
    all_wanted = source.report == "call_report_export" and (not named or ALL in named)
    if all_wanted and version.build < BUILD_THAT_KNOWS_ALL:
        raise CampaignsUnnamed(source.host, version.build)


def _by_days(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    """One window per day, from midnight on: what the dialer answers anyway is asked for once."""
    days: dict[date, Window] = {}
    for window in windows:
        other = days.get(window.day, window)
        days[window.day] = replace(
            window,
            first_hour=0,
            last_hour=max(window.last_hour, other.last_hour),
            since=min(window.since, other.since),
            until=max(window.until, other.until),
            known_legs=window.known_legs + (other.known_legs if other is not window else 0),
            first_read=window.first_read or other.first_read,
            known=tuple({count.hour: count for count in (*window.known, *other.known)}.values()),
            doubted=window.doubted or other.doubted,
        )
    return tuple(days.values())


def _unforeseen(exc: Exception, campaign: str) -> tuple[str, str]:
    """What is told of an error that no SyncError foresees, and its label."""
    if is_lack_of_memory(exc):
        return str(MemoryShort(campaign)), MemoryShort.label
    return redacted(exc), "program error"


def redacted(exc: BaseException) -> str:
    """Where a programming error happened, without any value: a message or a local may hold a secret."""
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(exc.__traceback__)[-3:]]
    return f"{type(exc).__name__} at {', '.join(reversed(places))}. Please report it with these words."
