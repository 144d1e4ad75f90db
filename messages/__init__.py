"""The records that cross a module or process boundary: frozen, plain values, all of them picklable.

Only these cross to a worker and back. A secret has ``repr=False``. All moments are aware UTC datetimes. ``day`` and
``hour`` are the dialer's local calendar day and wall-clock hour.
"""

from messages.call_choices import *  # noqa: F403 - callers import every record from the room itself
from messages.commits import *  # noqa: F403 - callers import every record from the room itself
from messages.findings import *  # noqa: F403 - callers import every record from the room itself
from messages.jobs import *  # noqa: F403 - callers import every record from the room itself
from messages.outcomes import *  # noqa: F403 - callers import every record from the room itself
from messages.sources import *  # noqa: F403 - callers import every record from the room itself
from messages.windows import *  # noqa: F403 - callers import every record from the room itself
