"""A VICIdial on 127.0.0.1, for the demo, the tests and the benchmarks.

It answers call_report_export.php, user_stats.php and non_agent_api.php (``version``) like observed dialers, faults
included. Its world of calls is made from a seed or given leg by leg::

    with SimulatedDialer(World(seed=7), accounts=[Account("report", "secret")]) as dialer:
        fetch(dialer.url)  # "http://127.0.0.1:54321/vicidial/"
        dialer.world.now = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)  # calls are in progress at that moment
        dialer.misbehave(truncate=0.5, requests=1)
        assert dialer.seen.requests == 1
    truth = dialer.world.legs_at(dialer.world.now)

It imports nothing of the project and no library. A mistake of the code under test must not be repeated by its test.
None of the code is VICIdial's own.
``python -m simulated_dialer --help`` runs one or several from the command line.
"""

from simulated_dialer.accounts import Account
from simulated_dialer.centres import Agent, CallCentre, LeadList
from simulated_dialer.clocks import Clock
from simulated_dialer.counters import Seen, SeenRequest
from simulated_dialer.dialers import LATEST_BUILD, SimulatedDialer
from simulated_dialer.leads import Lead
from simulated_dialer.legs import CarrierEntry, Leg, LegStory
from simulated_dialer.misbehaviours import Misbehaviour
from simulated_dialer.restrictions import Sight
from simulated_dialer.volumes import Rates
from simulated_dialer.worlds import World

__all__ = [
    "LATEST_BUILD",
    "Account",
    "Agent",
    "CallCentre",
    "CarrierEntry",
    "Clock",
    "Lead",
    "LeadList",
    "Leg",
    "LegStory",
    "Misbehaviour",
    "Rates",
    "Seen",
    "SeenRequest",
    "Sight",
    "SimulatedDialer",
    "World",
]
