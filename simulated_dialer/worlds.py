"""A world: one call centre, its leads, its calls and its clock. The pages of a dialer are made from it.

A world is either made from a seed or given leg by leg. `World.legs_at` is its own log: tests compare it with what
arrived somewhere else.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Self
from zoneinfo import ZoneInfo

from simulated_dialer.centres import CallCentre
from simulated_dialer.clocks import Clock
from simulated_dialer.days import DayOfCalls
from simulated_dialer.leads import Lead, lead_of
from simulated_dialer.legs import Leg, LegStory
from simulated_dialer.volumes import Rates, Volume


class World:
    """Calls of ``days`` local days from ``start``, repeatable from ``seed``.

    Args:
        calls_per_hour: calls that start in an hour between ``open_hours``, or 24 numbers, one for each local hour.
            Transfers come on top: they are further legs of the same call.
        inbound_share: the part of these that callers start.
        rates: how often oddities happen; ``Rates.none()`` has none.

    ``now`` is an aware UTC datetime and stands still until it is set; at first it is two days after the last day, when
    every call is decided. Days are made when they are first asked for.
    """

    def __init__(
        self,
        seed: int = 1,
        start: date | datetime = date(2026, 3, 2),
        days: int = 1,
        timezone: str = "America/New_York",
        *,
        calls_per_hour: float | Sequence[float] = 60.0,
        inbound_share: float = 0.25,
        open_hours: tuple[int, int] = (8, 21),
        rates: Rates | None = None,
        centre: CallCentre | None = None,
    ) -> None:
        self.seed = seed
        self.start = start.date() if isinstance(start, datetime) else start
        self.days = days
        self.timezone = timezone
        self.zone = ZoneInfo(timezone)
        self.centre = centre or CallCentre.of_seed(seed)
        self._archive: tuple[Leg, ...] = ()
        self._volume = Volume(calls_per_hour=calls_per_hour, inbound_share=inbound_share, open_hours=open_hours)
        self._rates = rates or Rates()
        self._leads: dict[int, Lead] = {}
        self._named_leads: dict[int, Lead] = {}
        self._stories: dict[date, list[LegStory]] = {}
        self._is_given = False
        self._lock = threading.RLock()
        self._revision = 0
        end = datetime.combine(self.start + timedelta(days=days + 2), datetime.min.time(), self.zone)
        self.clock = Clock(end)
        self.tells_real_time = False
        """``version`` returns this machine's time, independent of the moment of the calls."""

    @classmethod
    def busy_day(cls, seed: int = 1, start: date = date(2026, 3, 2), timezone: str = "America/New_York") -> Self:
        """Return a day of about 10,000 outbound and 2,800 closer legs, as untidy as a real one."""
        return cls(seed, start, 1, timezone, calls_per_hour=12_115 / 13, inbound_share=0.1746)

    @classmethod
    def of(
        cls,
        legs: Iterable[Leg | LegStory],
        timezone: str = "America/New_York",
        *,
        leads: Mapping[int, Lead] | None = None,
        centre: CallCentre | None = None,
        seed: int = 1,
    ) -> Self:
        """Return a world of exactly these legs. A `Leg` never changes. A `LegStory` follows the clock.

        What a leg leaves empty is filled in: epoch, uniqueid, the names of its agent and its status. The tables
        of the call centre get whatever the legs name, unless they say that it is ``hidden``.
        """
        world = cls(seed, timezone=timezone, centre=centre)
        world._is_given = True
        world._named_leads = dict(leads or {})
        world.rewrite(legs)
        last = max((leg.epoch for leg in world.legs_at()), default=0)
        if last:
            world.now = datetime.fromtimestamp(last, UTC) + timedelta(days=2)
        return world

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @now.setter
    def now(self, moment: datetime) -> None:
        self.clock.set(moment)

    @property
    def told_now(self) -> datetime:
        """Return the dialer's own time."""
        return datetime.now(UTC) if self.tells_real_time else self.now

    @property
    def archive(self) -> tuple[Leg, ...]:
        """Return the world found by a search in the archive. Empty unless set."""
        return self._archive

    @archive.setter
    def archive(self, legs: Iterable[Leg]) -> None:
        self._archive = tuple(legs)
        self._revision += 1

    @property
    def revision(self) -> tuple[int, int]:
        """Return the revision. It changes with the clock (by whole seconds) and with `rewrite`."""
        return self._revision, int(self.now.timestamp())

    def rewrite(self, legs: Iterable[Leg | LegStory]) -> None:
        """Replace all calls by these, like a correction of the log by hand."""
        legs = list(legs)
        numbers = count(1)
        self.centre = self.centre.covering([leg for leg in legs if isinstance(leg, Leg)])
        with self._lock:
            self._is_given = True
            self._stories = {}
            for story in legs:
                whole = story if isinstance(story, LegStory) else self._as_story(story, next(numbers))
                self._stories.setdefault(whole.leg.call_time_local.date(), []).append(whole)
            self._revision += 1

    def lead(self, lead_id: int) -> Lead:
        """Return the lead as of today."""
        if lead_id in self._named_leads:
            return self._named_leads[lead_id]
        found = self._leads.get(lead_id)
        if found is None:
            if len(self._leads) > 20_000:
                self._leads.clear()
            found = self._leads[lead_id] = lead_of(self.seed, lead_id)
        return found

    def legs_at(
        self, moment: datetime | None = None, *, since: date | None = None, until: date | None = None
    ) -> list[Leg]:
        """Return the dialer's log at ``moment`` (None: now), hidden legs included, by call time.

        ``since`` and ``until`` bound the local day of the call, both inclusive.
        """
        epoch = int((moment or self.now).timestamp())
        legs = []
        latest = datetime.fromtimestamp(epoch, self.zone).date()
        for day in self._days_with_calls(latest):
            if (since is None or since <= day) and (until is None or day <= until):
                for story in self.stories_on(day):
                    leg = story.at(epoch)
                    if leg is not None:
                        legs.append(leg if leg is story.leg else self.centre.complete(leg))
        return sorted(legs, key=_by_time)

    def stories_on(self, day: date) -> list[LegStory]:
        """Return all legs with a call time on this local day, independent of the clock."""
        with self._lock:
            if self._is_given:
                return self._stories.get(day, [])
            stories = self._make_day(day - timedelta(days=1)) + self._make_day(day)
        return [story for story in stories if story.leg.call_time_local.date() == day]

    def _days_with_calls(self, latest: date) -> list[date]:
        if self._is_given:
            return sorted(self._stories)
        # A transfer may pass midnight, so there is one day more than calls start on.
        days = (self.start + timedelta(days=number) for number in range(self.days + 1))
        return [day for day in days if day <= latest]

    def _make_day(self, day: date) -> list[LegStory]:
        if not self.start <= day < self.start + timedelta(days=self.days):
            return []
        if day not in self._stories:
            self._stories[day] = DayOfCalls(
                self.seed,
                day,
                self.zone,
                centre=self.centre,
                lead=self.lead,
                volume=self._volume,
                rates=self._rates,
            ).stories()
        return self._stories[day]

    def _as_story(self, leg: Leg, number: int) -> LegStory:
        epoch = leg.epoch or int(leg.call_time_local.replace(tzinfo=self.zone).timestamp())
        known = self.centre.agents.get(leg.agent_user)
        leg = replace(
            leg,
            epoch=epoch,
            uniqueid=leg.uniqueid or f"{epoch}.{number}",
            status_name=leg.status_name or self.centre.statuses.get(leg.status or "", ""),
            agent_name=leg.agent_name or (known.name if known else ""),
            changed_at=leg.changed_at or epoch,
        )
        return LegStory(leg=leg, born=0, answered=None, ended=0, disposed=0)


def _by_time(leg: Leg) -> tuple[datetime, int, str]:
    return leg.call_time_local, leg.epoch, leg.uniqueid
