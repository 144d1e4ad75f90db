"""The start of a cycle: the sources that it reads, those that it does not, and their history."""

from datetime import datetime

from config import Settings
from credentials.identity_warnings import find_identity_warnings
from credentials.rows import parse_rows
from credentials.sources import usable_sources
from database import Warehouse
from engine.host_backoff import HostBackoff
from engine.run_starts import RunStart, campaign_names, new_run_id, read_forgotten_numbers, read_history
from engine.semaphores import find_missing_semaphores
from engine.skipped_rows import exclude_refused, exclude_unreachable, unusable_rows
from errors import NoCampaigns
from planning.run_facts import RunFacts
from utils import utc_now


def start_cycle(warehouse: Warehouse, settings: Settings, backoff: HostBackoff, now: datetime) -> RunStart:
    """Read everything that a cycle knows before its first job.

    Args:
        now: the moment that the cycle plans for. A demo works on a past afternoon.

    Raises:
        NoCampaigns: the credentials table has no row that is switched on.
        WarehouseError, PhoneKeyLost: the tables cannot be read, or not be used with this DATA_DIR.
    """
    started_at = utc_now()
    warehouse.patient_until = started_at + settings.cycle_interval
    with warehouse.reader.read_together():
        table = parse_rows(warehouse.reader.credential_rows())
        usable, skipped = usable_sources(table, settings)
        campaigns = campaign_names(usable, skipped)
        if not campaigns:
            raise NoCampaigns(warehouse.describe())
        sources, refused = exclude_refused(warehouse, usable, usable)
        sources, unreachable = exclude_unreachable(backoff, sources, settings, now)
        history = read_history(warehouse, sources, settings, now)
        forgotten = read_forgotten_numbers(warehouse, settings)
    unusable, harmless = unusable_rows(skipped)
    notices = tuple(str(warning) for warning in find_identity_warnings(usable, table))
    if missing := find_missing_semaphores():
        notices += (str(missing),)
    facts = RunFacts(
        run_id=new_run_id(now), forgotten=forgotten, clock_shift=now - started_at, warehouse_gap=warehouse.clock_gap,
        alone=backoff.campaigns_alone(dict.fromkeys(source.campaign for source in sources), now),
    )  # fmt: skip
    return RunStart(
        facts=facts, now=now, started_at=started_at, campaigns=campaigns, sources=sources, history=history,
        unread=[*refused, *unreachable, *unusable], harmless=harmless,
        notices=notices,
        origins={source.key: source.address.origin for source in usable},
    )  # fmt: skip
