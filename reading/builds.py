"""What an old build of a dialer cannot do: all campaigns at once, single hours."""

from dialers.versions import DialerVersion
from errors import CampaignsUnnamed
from messages import Source
from reports.call_report_export import ALL
from reports.call_report_export import NAME as CALL_REPORT_EXPORT

BUILD_THAT_KNOWS_ALL = 190116
"""Before it, ``---ALL---`` for campaigns and in-groups gives no calls and no message."""
BUILD_THAT_KNOWS_HOURS = 230622
"""Before it, a dialer answers the whole day whatever hours it is asked for."""


def refuse_unnamed_campaigns(source: Source, version: DialerVersion) -> None:
    """Refuse a row with all campaigns on a build without ``---ALL---``.

    Raises:
        CampaignsUnnamed: the row must name its campaigns.
    """
    named = {value for name, value in source.parameters if name in ("campaign[]", "group[]")}
    all_wanted = source.report == CALL_REPORT_EXPORT and (not named or ALL in named)
    if all_wanted and version.build < BUILD_THAT_KNOWS_ALL:
        raise CampaignsUnnamed(source.host, version.build)


def knows_hours(version: DialerVersion | None) -> bool:
    """Tell whether a dialer answers single hours. An unknown build is taken for a new one."""
    return version is None or version.build >= BUILD_THAT_KNOWS_HOURS
