"""Reading of one client of a campaign: its windows in order, and the checks of its dialer around them."""

import logging
import threading
import time
from collections import deque

from config import Settings
from data_fetcher import Dialer
from dialers.export_form_cache import CachedChoices
from dialers.versions import DialerVersion
from errors import (
    DialerFailed,
    Label,
    ReportUnknown,
    RequestCancelled,
    SyncError,
    TransientError,
    WrongZone,
    raise_disk_full,
)
from messages import CampaignJob, ClientJob, ClientOutcome, Failure, RefusedAccount, SealedWindow, Window
from reading import notices
from reading.client_clocks import ClientClock
from reading.client_progress import ClientProgress
from reading.login_rights import compare_rights
from reading.parts import TOO_LARGE
from reading.source_runs import DialerBehaviour, SourceRun
from reading.unforeseen_failures import build_unforeseen_failure
from reading.unnamed_campaigns import refuse_unnamed_campaigns
from reading.whole_days import build_recent_days, merge_by_day
from reading.windows import ReadPiece, WindowReader
from reports.builds import HOURS
from reports.call_report_export import NAME as CALL_REPORT_EXPORT
from shutdown import stop_requested
from spool.phones import Phones
from utils import plural

LOG = logging.getLogger(__name__)


class ClientReader:
    """Reader of one source: its windows in order, until one fails, time is over or the run is stopped.

    An empty HTTP 500 may be the fault of one window (too many rows, no agent login), so the next ones are read.
    """

    def __init__(
        self, client: ClientJob, number: int, job: CampaignJob, settings: Settings, *, parsing: threading.Lock,
        ends: float,
    ) -> None:  # fmt: skip
        """Prepare to read a client.

        Args:
            number: place of the client in its job.
            parsing: lock of the worker, held while an answer is parsed.
            ends: no window is started after this moment of the monotonic clock.
        """
        self.refused: RefusedAccount | None = None
        self.host = client.source.host
        self.connections = client.source.max_connections
        self._source = client.source
        self._name = client.source.identity.client
        self._client = client
        self._windows = client.windows
        self._again = client.rereads
        self._days_in_other_zone = client.days_in_other_zone
        self._spool_name = f"{job.job_id}-{number:04}"
        self._job = job
        self._settings = settings
        self._parsing = parsing
        self._ends = ends
        self._clock = ClientClock(client.source, job, settings)
        self._progress = ClientProgress(client.source)
        self._slow_windows = 0

    @property
    def sealed(self) -> tuple[SealedWindow, ...]:
        """Return the windows that are ready to be committed."""
        return tuple(self._progress.sealed)

    def read(self) -> ClientOutcome:
        """Read the client and return its outcome. Never raises."""
        started = time.monotonic()
        failure: Failure | None = None
        try:
            with raise_disk_full(self._settings.data_dir):
                self._read_source()
                self._raise_if_stopped()
        except SyncError as exc:
            failure = Failure.from_error(exc, place=notices.unread_place(self._source, self._progress.unread))
            LOG.warning("%s: %s", self._name, failure)
        except Exception as exc:  # noqa: BLE001 - one client's failure is not that of the others
            failure = build_unforeseen_failure(exc, self._job.campaign)
            LOG.error("%s: %s", self._name, failure)  # noqa: TRY400 - a traceback may hold a secret
        return self._progress.build_outcome(
            failure,
            planned=len(self._windows),
            seconds=time.monotonic() - started,
            clock_gap=self._clock.gap if self._job.backfill_id is None else None,  # past days need no clock
        )

    def _raise_if_stopped(self) -> None:
        """Raise an error if the end of the run has left windows unread. This is no success."""
        if stop_requested() and self._progress.windows_read < len(self._windows):
            raise RequestCancelled(self._source.host)

    def _may_go_on(self) -> bool:
        return not stop_requested() and time.monotonic() <= self._ends

    def _read_source(self) -> None:
        source, job, progress = self._source, self._job, self._progress
        if not source.verify_tls and source.address.is_encrypted:
            progress.notices.append(notices.certificate_unchecked(source))
        is_cycle = job.backfill_id is None  # the next cycle asks again, but nobody repeats a backfill soon
        phones = Phones(self._settings, job.forgotten)
        with Dialer(
            source, self._settings, job.run_id, cancelled=stop_requested, until=self._ends, skips_silent_hosts=is_cycle
        ) as dialer:
            progress.traffic = dialer.traffic
            try:
                self._read_windows(dialer, phones)
            finally:
                self.refused = dialer.refused
                progress.note_end(phones.masks)

    def _read_windows(self, dialer: Dialer, phones: Phones) -> None:
        progress, is_backfill = self._progress, self._job.backfill_id is not None
        version = dialer.version()
        self._check_version(version)
        names = CachedChoices(self._settings.data_dir, self._source, dialer.choices)
        reader = WindowReader(self._build_run(dialer, version, phones, names))
        if is_backfill:
            self._refuse_wrong_zone(reader)
        try:
            failed = self._read_planned(reader)
        finally:
            self._check_zone(reader)
        progress.note_stuck_calls(self._client.stuck)
        if failed:
            if reader.has_separate_days and progress.windows_read:  # unread days must not hold up the others
                progress.sealed += [reader.seal_unread(window) for window in progress.unread]
            raise failed
        self._read_other_zone(reader)
        if (
            not is_backfill
            and not dialer.never_worked
            and self._source.report == CALL_REPORT_EXPORT
            and self._may_go_on()
        ):
            lacks_calls = any(sealed.shortfall for sealed in progress.sealed)
            progress.notices += compare_rights(self._source, names, lacks_calls=lacks_calls)

    def _check_version(self, version: DialerVersion | None) -> None:
        """Adapt the windows to the dialer's build and clock."""
        if version is not None:
            self._progress.build = version.build
            refuse_unnamed_campaigns(self._source, version)
            self._progress.notices += self._clock.set_version(version)
            if self._clock.has_other_days:
                self._progress.warning = Label.WRONG_CLOCK
                self._windows += build_recent_days(self._source, version.now)
        if not HOURS.is_in(version.build if version else None):
            self._windows, self._again = merge_by_day(self._windows), merge_by_day(self._again)

    def _build_run(
        self, dialer: Dialer, version: DialerVersion | None, phones: Phones, names: CachedChoices
    ) -> SourceRun:
        return SourceRun(
            source=self._source,
            settings=self._settings,
            dialer=dialer,
            behaviour=DialerBehaviour(knows_hours=HOURS.is_in(version.build if version else None)),
            run_id=self._job.run_id,
            backfill_id=self._job.backfill_id,
            spool_name=self._spool_name,
            build=version.build if version else None,
            clock_shift=self._clock.reading_shift,
            parsing=self._parsing,
            durations=self._progress.durations,
            phones=phones,
            names=names,
            has_shown_calls=self._client.has_shown_calls,
            without_inbound=self._client.without_inbound,
            may_go_on=self._may_go_on,
        )

    def _refuse_wrong_zone(self, reader: WindowReader) -> None:
        """Read nothing of a backfill in a wrong zone. If only a call can tell, look at the calls of one day."""
        if self._windows and self._clock.is_zone_in_doubt(reader.offsets):
            reader.look_at(self._windows[0])
        wrong = self._clock.check_zone(reader.offsets)
        if wrong is not None:
            raise WrongZone(wrong.happened, wrong.advice)

    def _check_zone(self, reader: WindowReader) -> None:
        """Note the evidence against the row's time zone after its windows were read."""
        wrong = self._clock.check_zone(reader.offsets)
        if wrong is not None:
            self._progress.notices.append(str(wrong))
            self._progress.warning = wrong.label or self._progress.warning
            self._again, self._days_in_other_zone = (), frozenset()  # a wrong zone would only make them wrong

    def _read_planned(self, reader: WindowReader) -> TransientError | None:
        """Read the planned windows, and return the first failure of a window."""
        failed: TransientError | None = None
        knew_hours, waiting = reader.knows_hours, deque(self._windows)
        while waiting and self._may_go_on():
            window = waiting.popleft()
            try:
                self._read_window(reader, window)
            except TOO_LARGE as exc:
                failed = failed or exc
                self._progress.unread.append(window)
                if not self._is_next_worth_trying(reader, exc):
                    return exc
            if knew_hours and not reader.knows_hours:  # an old build of unknown number
                knew_hours, merged = False, merge_by_day(tuple(waiting))
                self._progress.windows_read += len(waiting) - len(merged)
                waiting = deque(merged)
        return failed

    def _is_next_worth_trying(self, reader: WindowReader, exc: TransientError) -> bool:
        """Tell whether the failure may be of this window alone, such as one day of an agent."""
        if isinstance(exc, DialerFailed):
            return True
        self._slow_windows += 1
        return reader.has_separate_days and self._slow_windows == 1

    def _read_window(self, reader: WindowReader, window: Window) -> None:
        pieces: list[ReadPiece] = []
        for piece in reader.read(window):
            self._progress.add_piece(piece)
            pieces.append(piece)
            LOG.debug("%s: %s %s", self._name, window.day, plural(piece.sealed.records, "record"))
        self._progress.finish_window(window, pieces)

    def _read_other_zone(self, reader: WindowReader) -> None:
        """Read again the windows of another time zone. An unreadable day is no failure: its calls keep their times."""
        failed: SyncError | None = None
        for window in self._again:
            if not self._may_go_on():
                break
            try:
                self._read_window(reader, window)
            except (DialerFailed, ReportUnknown) as exc:
                failed = exc
                continue
            except RequestCancelled:
                raise
            except TransientError as exc:
                failed = exc
                break
            self._progress.read_again += 1
        self._progress.note_days_in_other_zone(self._days_in_other_zone, (*self._windows, *self._again))
        if failed:
            self._progress.notices.append(notices.unread_day_of_other_zone(failed))
