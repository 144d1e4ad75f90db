"""Hosts that do not answer: one record per host in DATA_DIR decides who asks them, in a run and over its cycles.

Within a run one client finds out, and the others of that host do not wait again. Otherwise fifty clients of a hanging
dialer would cost fifty timeouts, and hold up the other clients of their campaigns. Backfills leave and heed no such
note: with one, a short outage would go through all their days. After several cycles without any answer a host is asked
less often.

A lost record does no harm: the host is asked as usual. A host is named by its origin: one that does not serve https may
serve http, and a row may name the wrong scheme.
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dialers.cache_files import CacheFile
from dialers.slots import file_name_for
from errors import AnswerBroken, DialerBusy, DialerTimeout, DialerUnreachable, GatewayFailed, Label, WarehouseUnusable
from utils import utc_now

AWAY = frozenset(error.label for error in (AnswerBroken, DialerBusy, DialerTimeout, DialerUnreachable, GatewayFailed))
"""Failures of a client whose host may not answer at all."""
SILENT_FOR = timedelta(minutes=5)
"""Time for which a host is left alone in a run. A cycle may take longer, and the host come back."""
PATIENT_CYCLES = 3
"""A host with fewer failures in a row than this is asked again in the very next cycle."""
LONGEST_REST = timedelta(hours=1)
FOUND_SILENT = "it did not answer another client a moment ago"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A client of a run that waited for the host in vain. The time is ISO in UTC."""

    run_id: str
    at: str

    def __post_init__(self) -> None:
        _check_moment(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFailures:
    """The last cycles that asked the host, all of them without success for any client. Times are ISO in UTC."""

    cycles: int
    since: str
    asked_at: str
    label: Label

    def __post_init__(self) -> None:
        _check_moment(self.since)
        _check_moment(self.asked_at)
        if not isinstance(self.cycles, int):
            raise TypeError("cycles is a number")

    def next_try(self, interval: timedelta) -> datetime:
        """Return the time of the next try, for cycles in this interval."""
        wait = interval * 2 ** min(self.cycles - PATIENT_CYCLES, 10) if self.cycles >= PATIENT_CYCLES else timedelta()
        return datetime.fromisoformat(self.asked_at) + min(wait, max(LONGEST_REST, interval))


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecord:
    """The record of one host."""

    origin: str
    silence: Silence | None = None
    failures: HostFailures | None = None


class UnreachableHosts:
    """The records of all hosts, shared by the workers and runs of a DATA_DIR."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "hosts"

    def is_silent(self, origin: str, run_id: str) -> bool:
        """Return true if a client of this run has just waited for the host in vain."""
        silence = self._read(origin).silence
        if silence is None or silence.run_id != run_id:
            return False
        return abs(utc_now() - datetime.fromisoformat(silence.at)) < SILENT_FOR

    def note_silence(self, origin: str, run_id: str) -> None:
        """Note that a client has waited in vain. Clients that gave up because of the note do not renew it."""
        if not self.is_silent(origin, run_id):
            silence = Silence(run_id=run_id, at=utc_now().isoformat())
            self._write(replace(self._read(origin), silence=silence))

    def note_answer(self, origin: str) -> None:
        """Note that the host answers, for the other clients of the run."""
        record = self._read(origin)
        if record.silence is not None:
            self._write(replace(record, silence=None))

    def find_resting(
        self, origins: Iterable[str], interval: timedelta, now: datetime
    ) -> dict[str, tuple[HostFailures, datetime]]:
        """Return the hosts to leave alone in this cycle, with their failures and the time of the next try."""
        found = {}
        for origin in set(origins):
            failures = self._read(origin).failures
            if failures is None or datetime.fromisoformat(failures.asked_at) > now:  # the clock was wrong then
                continue
            again = failures.next_try(interval)
            if now + interval / 2 < again:  # a cycle never starts at the very second
                found[origin] = (failures, again)
        return found

    def note_cycle(self, origin: str, labels: Collection[Label], now: datetime) -> None:
        """Note the outcome of a cycle for a host.

        Args:
            labels: of all its clients that were asked. COMPLETED for one with an answer.
        """
        record = self._read(origin)
        before, failures = record.failures, None
        if set(labels) <= AWAY:
            failures = HostFailures(
                cycles=before.cycles + 1 if before else 1, since=before.since if before else now.isoformat(),
                asked_at=now.isoformat(), label=min(labels),
            )  # fmt: skip
        if failures != before:
            self._write(replace(record, failures=failures))

    def keep_only(self, origins: Iterable[str]) -> None:
        """Delete the records of hosts that no row names any more."""
        names = {self._path(origin).name for origin in origins}
        for path in self._folder.glob("*.json"):
            if path.name not in names:
                CacheFile(path, _parse).delete()

    def forget(self, origins: Iterable[str]) -> None:
        """Delete the records of hosts, so that the next cycle asks them.

        Raises:
            WarehouseUnusable: a record cannot be deleted.
        """
        for path in map(self._path, origins):
            try:
                path.unlink(missing_ok=True)
            except OSError as exc:
                raise WarehouseUnusable(str(path), exc.strerror or type(exc).__name__) from None

    def _path(self, origin: str) -> Path:
        return self._folder / f"{file_name_for(origin)}.json"

    def _read(self, origin: str) -> HostRecord:
        return CacheFile(self._path(origin), _parse).read() or HostRecord(origin=origin)

    def _write(self, record: HostRecord) -> None:
        file = CacheFile(self._path(record.origin), _parse)
        if record.silence is None and record.failures is None:
            file.delete()
        else:
            file.write(asdict(record))


def _parse(content: dict[str, Any]) -> HostRecord:
    silence, failures = content["silence"], content["failures"]
    return HostRecord(
        origin=content["origin"],
        silence=Silence(**silence) if silence else None,
        failures=HostFailures(**failures | {"label": Label(failures["label"])}) if failures else None,
    )


def _check_moment(text: str) -> None:
    """Raise ValueError or TypeError unless a text is a time with its offset from UTC."""
    if datetime.fromisoformat(text).utcoffset() is None:
        raise ValueError("a time without its offset from UTC")
