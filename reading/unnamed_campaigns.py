"""Refusals of what the build of a dialer cannot do."""

from dialers.versions import DialerVersion
from errors import CampaignsUnnamed
from messages import Source
from reports.builds import ALL_CAMPAIGNS
from reports.call_report_export import ALL
from reports.call_report_export import NAME as CALL_REPORT_EXPORT


def refuse_unnamed_campaigns(source: Source, version: DialerVersion) -> None:
    """Refuse a row with all campaigns on a build without ``---ALL---``. It would give no calls and no message.

    Raises:
        CampaignsUnnamed: the row must name its campaigns.
    """
    named = {value for name, value in source.parameters if name in ("campaign[]", "group[]")}
    all_wanted = source.report == CALL_REPORT_EXPORT and (not named or ALL in named)
    if all_wanted and not ALL_CAMPAIGNS.is_in(version.build):
        raise CampaignsUnnamed(source.host, version.build)
