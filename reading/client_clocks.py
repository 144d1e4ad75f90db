"""The clock and the time zone of one client's dialer, compared with the row of the credentials table."""

from datetime import timedelta

from config import Settings
from dialers.utc_offset_cache import UtcOffsetCache
from dialers.versions import CALLS_ENOUGH, ClockWarning, DialerVersion, shows_zone, time_warnings, zone_warning
from errors import Label
from messages import CLOCK_TOLERANCE, CampaignJob, Source
from reports.utc_offsets import Offsets
from utils import utc_now

OTHER_DAYS = timedelta(hours=12)
"""A dialer whose clock is off by as much has other days than the plan."""


class ClientClock:
    """The clock behind the calls of one source."""

    def __init__(self, source: Source, job: CampaignJob, settings: Settings) -> None:
        self.gap: timedelta | None = None
        """The dialer's clock less this machine's. None if the dialer does not tell its clock."""
        self._source = source
        self._job = job
        self._version: DialerVersion | None = None
        self._offset_cache = UtcOffsetCache(settings.data_dir / "slots", source.address)

    def set_version(self, version: DialerVersion | None) -> list[str]:
        """Take the clock from the dialer's version, and return notices if it is wrong."""
        self._version = version
        if version is None:
            return []
        now = utc_now() + self._job.clock_shift
        self.gap = version.now - now
        return [str(warning) for warning in time_warnings(version, self._source, now)]

    @property
    def has_other_days(self) -> bool:
        """Tell whether the dialer's days are not the planned ones. A backfill has planned its days by their date."""
        return self.gap is not None and abs(self.gap) > OTHER_DAYS and self._job.backfill_id is None

    @property
    def reading_shift(self) -> timedelta:
        """Return the difference to add to the machine's clock for the moment of a reading.

        No reading is later than the dialer's clock says. Without one, the warehouse's clock counts.
        """
        gap = (self._job.warehouse_gap if self.gap is None else self.gap) or timedelta()
        return self._job.clock_shift + (gap if gap < -CLOCK_TOLERANCE else timedelta())

    def is_zone_in_doubt(self, offsets: Offsets) -> bool:
        """Tell whether only a call can show if the row's time zone is right."""
        wrong = self.check_zone(offsets)
        return wrong is not None and wrong.label is Label.TIME_ZONE_IN_DOUBT

    def check_zone(self, offsets: Offsets) -> ClockWarning | None:
        """Compare the row's time zone with the calls of this run, else with earlier ones. None if it fits."""
        shown = offsets.majority()
        if shown is not None and (shown.calls >= CALLS_ENOUGH or shows_zone(shown, self._source.timezone)):
            self._offset_cache.store(shown)
        else:
            shown = self._offset_cache.read()
        return zone_warning(self._version, self._source, utc_now() + self._job.clock_shift, shown)
