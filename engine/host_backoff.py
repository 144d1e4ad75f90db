"""Backoff across cycles: hosts that did not answer rest, and campaigns that ran out of memory run alone.

What is known is kept in DATA_DIR. If it is lost, every host is asked and every campaign runs as usual.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dialers.cache_files import CacheFile
from dialers.unreachable_hosts import UnreachableHosts
from errors import Label
from messages import CampaignOutcome
from utils import one_line

LOG = logging.getLogger(__name__)
ALONE_FOR = timedelta(days=1)
"""Time for which a campaign runs alone after it ran out of memory: the next day shows as many calls."""


class HostBackoff:
    """The outcomes of a cycle, in so far as they make later ones ask less or run a campaign alone."""

    def __init__(self, data_dir: Path) -> None:
        self.hosts = UnreachableHosts(data_dir)
        self._deaths = CacheFile(data_dir / "short-of-memory.json", _parse_deaths)
        self._labels: dict[str, set[Label]] = {}
        self._died: set[str] = set()

    def campaigns_alone(self, campaigns: Iterable[str], now: datetime) -> frozenset[str]:
        """Return the campaigns that run alone in this cycle, and log each of them."""
        alone = self._recent_deaths(now).keys() & set(campaigns)
        for name in map(one_line, sorted(alone)):
            LOG.warning("[%s] It ran out of memory lately: it runs alone, after the others, one client at a time", name)
        return frozenset(alone)

    def record(self, outcomes: Sequence[CampaignOutcome], origins: Mapping[str, str]) -> None:
        """Record the outcomes of some campaigns.

        Args:
            origins: origin of each source, by its source_key.
        """
        for outcome in outcomes:
            if outcome.short_of_memory:
                self._died.add(outcome.campaign)
            for client in outcome.clients:
                if client.source.key in origins:
                    label = client.label if client.failure and not client.windows_read else Label.COMPLETED
                    self._labels.setdefault(origins[client.source.key], set()).add(label)

    def save_cycle(self, origins: Iterable[str], now: datetime) -> None:
        """Write the failures of this cycle. Records that somebody deleted meanwhile, as `clients retry` does, stay out.

        Args:
            origins: all hosts of the credentials table. The records of others are dropped.
        """
        for origin, labels in self._labels.items():
            self.hosts.note_cycle(origin, labels, now)
        self.hosts.keep_only(origins)
        deaths = self._recent_deaths(now) | dict.fromkeys(self._died, now)
        if deaths != self._deaths.read():
            self._deaths.write({campaign: at.isoformat() for campaign, at in deaths.items()})

    def _recent_deaths(self, now: datetime) -> dict[str, datetime]:
        """Return the campaigns that must run alone still, and the time of their last death."""
        deaths = self._deaths.read() or {}
        return {campaign: at for campaign, at in deaths.items() if timedelta() <= now - at < ALONE_FOR}


def _parse_deaths(content: dict[str, Any]) -> dict[str, datetime]:
    """Return the time of each campaign's last death for lack of memory."""
    deaths = {campaign: datetime.fromisoformat(at) for campaign, at in content.items()}
    if any(at.utcoffset() is None for at in deaths.values()):
        raise ValueError("a time without its offset from UTC")
    return deaths
