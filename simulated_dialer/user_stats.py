"""user_stats.php with file_download=6: the in-group calls of one user, newest first, as a loosely quoted CSV."""

import re
from datetime import date, datetime

from simulated_dialer.builds import Build
from simulated_dialer.legs import Leg
from simulated_dialer.replies import Reply, download, empty_500
from simulated_dialer.requests import Request
from simulated_dialer.restrictions import Sight
from simulated_dialer.worlds import World

RECORD_LIMIT = 10_000
RECORD_END = b"\n"
_CLOSER_CALLS = "6"


def user_stats(request: Request, world: World, build: Build, local_now: datetime, sight: Sight, *, php: int) -> Reply:
    """Return the CSV, empty for unsupported sections. Return the page if no section is requested."""
    section = request.one("file_download")
    if section in {"", "0"} or not build.downloads_user_stats:
        return Reply(body=_PAGE, content_type="text/html; charset=utf-8", chunked=True)
    bounds = _bounds(request, local_now.date(), php)
    if bounds is None:
        return empty_500()
    legs = [sight.mask(leg) for leg in _log(request, world, build, *bounds)]
    agent = world.centre.agents.get(request.one("user"))
    if php >= 8 and legs and (agent is None or not agent.logs_in):
        # The sums over an agent log without entries are NULL, and PHP 8 refuses to calculate with them.
        return empty_500()
    body = _csv(request, legs, build) if section == _CLOSER_CALLS else b""
    return download(body, f"user_stats_{local_now:%Y%m%d-%H%M%S}.csv")


def _csv(request: Request, legs: list[Leg], build: Build) -> bytes:
    status = request.one("call_status") if build.filters_user_stats_by_status else ""
    shown = [leg for leg in legs if leg.direction == "inbound" and (not status or leg.status == status)]
    shown.sort(key=lambda leg: (leg.call_time_local, leg.epoch), reverse=True)
    title, group = ("Inbound Closer Calls for this Time Period", "IN-GROUP")
    if not build.says_in_group:
        title, group = ("INBOUND/CLOSER CALLS FOR THIS TIME PERIOD", "CAMPAIGN")
    lines = [
        f'"{title}: ({RECORD_LIMIT} record limit)"',
        f'"","#","DATE/TIME","LENGTH","STATUS","PHONE","{group}","WAIT(S)","AGENT(S)","LIST","LEAD","HANGUP REASON"',
    ]
    total_length, total_agent = 0, 0.0
    for number, leg in enumerate(shown[:RECORD_LIMIT], start=1):
        length = leg.length_seconds or 0
        with_agent = max(0.0, length - leg.queue_seconds)
        total_length, total_agent = total_length + length, total_agent + with_agent
        fields = (
            "",
            str(number),
            str(leg.call_time_local)[:19],
            "" if leg.length_seconds is None else str(length),
            leg.status or "",
            leg.phone,
            leg.campaign_id,
            f"{leg.queue_seconds:.2f}",
            _number(with_agent),
            str(leg.logged_list_id),
            str(leg.lead_id),
            leg.term_reason,
        )
        lines.append(_quote(fields))
    lines.append(f'"","","TOTALS","{total_length}","","","","","{_number(total_agent)}"')
    return "\n".join([*lines, ""]).encode()


def _quote(fields: tuple[str, ...]) -> str:
    """Quote fields like the page: quotes are never escaped, and blanks beside any quote are dropped."""
    return _BLANKS_AT_QUOTE.sub('"', ",".join(f'"{field}"' for field in fields))


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _log(request: Request, world: World, build: Build, since: datetime, until: datetime) -> list[Leg]:
    if build.reads_archive_in_user_stats and request.one("search_archived_data") not in {"", "0"}:
        legs = list(world.archive)
    else:
        legs = world.legs_at(since=since.date(), until=until.date())
    user = request.one("user")
    return [leg for leg in legs if leg.agent_user == user and since <= leg.call_time_local <= until]


def _bounds(request: Request, today: date, php: int) -> tuple[datetime, datetime] | None:
    """Return the range. None if PHP 8 dies of it. An empty range is an empty file."""
    bounds = []
    for name, clock in (("begin_date", "00:00:01"), ("end_date", "23:59:59")):
        text = request.one(name)
        if len(text) < 10:
            text = today.isoformat()
        if _DAY.fullmatch(text):
            text = f"{text} {clock}"
        elif not _AMERICAN_DAY.fullmatch(text) and php >= 8:
            return None
        try:
            bounds.append(datetime.fromisoformat(text))
        except ValueError:
            bounds.append(datetime.fromisoformat("9999-12-31" if name == "begin_date" else "0001-01-01"))
    since, until = bounds
    return since, until


_PAGE = b"<html><head><title>User Stats</title></head><body><table></table></body></html>\n"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_AMERICAN_DAY = re.compile(r"\d\d/\d\d/\d{4}")
_BLANKS_AT_QUOTE = re.compile(r' *" *')
