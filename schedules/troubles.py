"""What the last cycles suffered from, kept in DATA_DIR: hosts that do not answer, campaigns that ran out of memory.

Nothing depends on it but how much is asked of whom; if the file is lost, everybody is asked again as usual. A host
is named by its origin: one that does not serve https may well serve http, and a row may name the wrong one.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from errors import AnswerBroken, DialerBusy, DialerTimeout, DialerUnreachable, WarehouseUnusable
from messages import CampaignJob, CampaignOutcome, Credential
from utils import one_line, write_durably

LOG = logging.getLogger(__name__)

AWAY = frozenset(error.label for error in (AnswerBroken, DialerBusy, DialerTimeout, DialerUnreachable))
PATIENT_CYCLES = 3
"""So many failures in a row are asked again in the very next cycle."""
LONGEST_REST = timedelta(hours=1)
ALONE_FOR = timedelta(days=1)
"""How long a campaign stays by itself after its last death: the next day shows as many calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostTrouble:
    """A host that failed for every client in each of the last cycles that asked it; times are ISO in UTC."""

    cycles: int
    since: str
    asked_at: str
    label: str

    def __post_init__(self) -> None:
        _moment(self.since), _moment(self.asked_at)
        if not isinstance(self.cycles, int) or not isinstance(self.label, str):
            raise TypeError("cycles is a number, and label a text")

    def asked_again(self, interval: timedelta) -> datetime:
        wait = interval * 2 ** min(self.cycles - PATIENT_CYCLES, 10) if self.cycles >= PATIENT_CYCLES else timedelta()
        return datetime.fromisoformat(self.asked_at) + min(wait, max(LONGEST_REST, interval))


def _moment(text: str) -> str:
    """The same; a ValueError or TypeError where it is no time with its offset from UTC."""
    if datetime.fromisoformat(text).utcoffset() is None:
        raise ValueError("a time without its offset from UTC")
    return text


@dataclass(slots=True)
class Troubles:
    """Read before a cycle is planned, told what happens in it, and written when it is over."""

    path: Path
    hosts: dict[str, HostTrouble] = field(default_factory=dict)
    died_at: dict[str, str] = field(default_factory=dict)
    """Campaign → when its worker last ran out of memory, ISO in UTC."""
    _labels: dict[str, set[str]] = field(default_factory=dict)
    """Host → how its clients ended in this cycle."""
    _died: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, data_dir: Path) -> "Troubles":
        troubles = cls(data_dir / "troubles.json")
        troubles.hosts, troubles.died_at = troubles._read()
        return troubles

    def _read(self) -> tuple[dict[str, HostTrouble], dict[str, str]]:
        """Nothing where the file is lost, or any of its values is not what this program writes."""
        try:
            known = json.loads(self.path.read_text(encoding="utf-8"))
            hosts = {host: HostTrouble(**trouble) for host, trouble in known["hosts"].items()}
            died_at = {campaign: _moment(at) for campaign, at in known["died_at"].items()}
        except FileNotFoundError:
            return {}, {}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            LOG.warning("%s cannot be read: every host is asked as usual", self.path)
            return {}, {}
        return hosts, died_at

    def resting(
        self, sources: Iterable[Credential], interval: timedelta, now: datetime
    ) -> dict[str, tuple[HostTrouble, datetime]]:
        """Hosts that are not asked in this cycle, with their trouble and when they are asked again."""
        found = {}
        for host in {source.origin for source in sources} & self.hosts.keys():
            if datetime.fromisoformat(self.hosts[host].asked_at) > now:
                continue  # the clock was wrong then
            again = self.hosts[host].asked_again(interval)
            if now + interval / 2 < again:  # a cycle never starts at the very second
                found[host] = (self.hosts[host], again)
        return found

    def alone(self, campaign: str, now: datetime) -> bool:
        """Whether it has run out of memory lately."""
        died_at = self.died_at.get(campaign)
        return died_at is not None and timedelta() <= now - datetime.fromisoformat(died_at) < ALONE_FOR

    def note(self, outcomes: Sequence[CampaignOutcome], hosts: Mapping[str, str]) -> None:
        """What became of some campaigns; ``hosts`` by source_key."""
        for outcome in outcomes:
            if outcome.short_of_memory:
                self._died.add(outcome.campaign)
            for client in outcome.clients:
                if client.source_key in hosts:
                    label = client.label if client.failure and not client.windows_read else "answers"
                    self._labels.setdefault(hosts[client.source_key], set()).add(label)

    def settle(self, hosts: Iterable[str], now: datetime) -> None:
        """Write what the cycle adds; ``hosts`` are all that the credentials table still names.

        What somebody took out of the file meanwhile, as `clients retry` does, stays forgotten.
        """
        moment = now.isoformat()
        hosts_left, died_left = self._read()
        self.hosts = {host: trouble for host, trouble in self.hosts.items() if host in hosts_left}
        self.died_at = {campaign: at for campaign, at in self.died_at.items() if campaign in died_left}
        for host, labels in self._labels.items():
            before = self.hosts.pop(host, None)
            if labels <= AWAY:
                self.hosts[host] = HostTrouble(
                    cycles=before.cycles + 1 if before else 1, since=before.since if before else moment,
                    asked_at=moment, label=sorted(labels)[0],
                )  # fmt: skip
        self.hosts = {host: trouble for host, trouble in self.hosts.items() if host in set(hosts)}
        self.died_at |= dict.fromkeys(self._died, moment)
        self.died_at = {campaign: at for campaign, at in self.died_at.items() if self.alone(campaign, now)}
        try:
            self._write()
        except OSError as exc:
            LOG.warning("%s could not be written: %s", self.path, exc.strerror or type(exc).__name__)

    def forgive(self, hosts: Iterable[str]) -> None:
        """They are asked in the next cycle, whatever they did.

        Raises:
            WarehouseUnusable: that could not be written down.
        """
        forgiven = self.hosts.keys() & set(hosts)
        self.hosts = {host: trouble for host, trouble in self.hosts.items() if host not in forgiven}
        try:
            if forgiven:
                self._write()
        except OSError as exc:
            raise WarehouseUnusable(str(self.path), exc.strerror or type(exc).__name__) from None

    def _write(self) -> None:
        if not (self.hosts or self.died_at or self.path.exists()):
            return
        known = {"hosts": {host: asdict(trouble) for host, trouble in self.hosts.items()}, "died_at": self.died_at}
        write_durably(self.path, json.dumps(known, indent=1).encode("utf-8"))


def set_apart(jobs: Sequence[CampaignJob], troubles: Troubles, interval: timedelta, now: datetime) -> list[CampaignJob]:
    """The same jobs; those that ran out of memory alone, after all others, and with time left for it."""
    apart = {job.job_id for job in jobs if troubles.alone(job.campaign, now)}
    for job in jobs:
        if job.job_id in apart:
            name = one_line(job.campaign)
            LOG.warning("[%s] It ran out of memory lately: it runs alone, after the others, one client at a time", name)
    return [
        replace(job, alone=True, no_new_window_after=job.no_new_window_after + interval) if job.job_id in apart else job
        for job in jobs
    ]
