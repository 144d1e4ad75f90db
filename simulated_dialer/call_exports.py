"""call_report_export.php: all outbound legs and then all in-group legs of a time range, in one file."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from html import escape

from simulated_dialer.builds import Build
from simulated_dialer.export_columns import header_row
from simulated_dialer.export_rows import ExportRows
from simulated_dialer.legs import (
    HIDDEN_BY_CAMPAIGN,
    HIDDEN_BY_INGROUP,
    HIDDEN_BY_LIST,
    HIDDEN_BY_STATUS,
    HIDDEN_BY_USER_GROUP,
    HIDDEN_IN_EVERY_BUILD,
    Leg,
)
from simulated_dialer.replies import Reply, download, empty_500, message
from simulated_dialer.requests import Request, chosen
from simulated_dialer.restrictions import Sight
from simulated_dialer.worlds import World

ALL = "---ALL---"
RECORD_END = b"\r\n"


def call_export(request: Request, world: World, build: Build, local_now: datetime, sight: Sight, *, php: int) -> Reply:
    """Return the file, or the line "no calls", or the form."""
    if not request.one("run_export").isdigit() or int(request.one("run_export")) < 1:
        return Reply(body=_form(world, build, sight).encode(), content_type="text/html; charset=utf-8", chunked=True)
    if build.honours_sort_direction and request.one("sort_dir", "asc").lower() not in {"", "asc", "desc"}:
        return empty_500()
    asked = _Selection.of(request, build, local_now.date()).narrow_to(sight, world)
    if php >= 8 and asked.is_malformed(request, sight):
        return empty_500()
    legs = [leg for leg in _log(request, world, build, asked) if asked.includes(leg, build)]
    if not legs:
        return message(sight.no_calls(asked.kind))
    if php >= 8 and sight.is_killed_by(legs):
        return empty_500()
    legs.sort(key=lambda leg: leg.direction == "inbound")
    columns = build.export_fields(request.one("export_fields", "STANDARD"))
    printer = ExportRows(world, build, columns, sight)
    rows = [row for leg in legs for row in printer.rows_of(sight.mask(leg))]
    if build.honours_sort_direction and request.one("sort_dir").lower() == "desc":
        rows.reverse()
    head = header_row(columns, build) if request.one("header_row") == "YES" else b""
    return download(head + RECORD_END.join([*rows, b""]), f"EXPORT_CALL_REPORT_{local_now:%Y%m%d-%H%M%S}.txt")


@dataclass(frozen=True, slots=True)
class _Bound:
    """The two parameters of one end of the range, and the texts appended by the page."""

    date: str
    hour: str
    default_hour: str
    minutes: str


_SINCE = _Bound("query_date", "query_hour", "00", ":00:00")
_UNTIL = _Bound("end_date", "end_hour", "23", ":59:59")


@dataclass(frozen=True, slots=True)
class _Selection:
    """The filters of one request. An empty tuple of ids means all defined ones."""

    since: datetime | None
    until: datetime | None
    campaigns: tuple[str, ...] | None
    ingroups: tuple[str, ...] | None
    lists: tuple[str, ...]
    statuses: tuple[str, ...]
    user_groups: tuple[str, ...]
    user: str
    visible_lists: tuple[int, ...] | None = None

    @classmethod
    def of(cls, request: Request, build: Build, today: date) -> "_Selection":
        since = _moment(request, today, build, _SINCE)
        until = _moment(request, today, build, _UNTIL)
        return cls(
            since,
            until,
            _sources(request.many("campaign"), build),
            _sources(request.many("group"), build),
            _unless_all(request.many("list_id")),
            _unless_all(request.many("status")),
            _unless_all(request.many("user_group")),
            request.one("user") if build.honours_hours else "",
        )

    def narrow_to(self, sight: Sight, world: World) -> "_Selection":
        """Drop campaigns not allowed for the login's user group. Named in-groups are not checked."""
        campaigns, ingroups = self.campaigns, self.ingroups
        if campaigns is not None and sight.campaigns is not None:
            named = campaigns or world.centre.campaigns
            campaigns = tuple(name for name in named if name in sight.campaigns) or None
        if ingroups == () and sight.ingroups is not None:
            ingroups = tuple(name for name in world.centre.ingroups if name in sight.ingroups) or None
        return replace(self, campaigns=campaigns, ingroups=ingroups, visible_lists=sight.lists)

    def is_malformed(self, request: Request, sight: Sight) -> bool:
        """Return whether nothing is left of a restricted login's choice. The page then builds invalid SQL."""
        without_campaigns = sight.campaigns is not None and request.many("campaign") and self.campaigns is None
        without_ingroups = sight.ingroups is not None and request.many("group") and self.ingroups is None
        return bool(without_campaigns or without_ingroups)

    @property
    def kind(self) -> str:
        if self.ingroups is not None:
            return "inbound calls"
        return "calls" if self.campaigns is None else "outbound calls"

    def includes(self, leg: Leg, build: Build) -> bool:
        sources = self.campaigns if leg.direction == "outbound" else self.ingroups
        if sources is None or (sources and leg.campaign_id not in sources):
            return False
        if not self._takes_list(leg.list_id):
            return False
        if self.statuses and (leg.status or "") not in self.statuses:
            return False
        if self.user_groups and leg.user_group not in self.user_groups:
            return False
        if self.user and leg.agent_user != self.user:
            return False
        return leg.hidden is None or self._brings_back(leg.hidden, build, named=bool(sources))

    def _takes_list(self, list_id: int) -> bool:
        return (not self.lists or str(list_id) in self.lists) and (
            self.visible_lists is None or list_id in self.visible_lists
        )

    def _brings_back(self, reason: str, build: Build, *, named: bool) -> bool:
        """Return whether a leg hidden from an export of everything is in this one, because it is named."""
        if reason in {HIDDEN_BY_CAMPAIGN, HIDDEN_BY_INGROUP}:
            return named
        if reason in HIDDEN_IN_EVERY_BUILD:
            return False
        if not build.drops_orphans:
            return True
        return {
            # A named list is compared with the lead's list of today, not with the one that is gone.
            HIDDEN_BY_LIST: bool(self.lists),
            HIDDEN_BY_STATUS: bool(self.statuses),
            HIDDEN_BY_USER_GROUP: bool(self.user_groups),
        }[reason]


def _log(request: Request, world: World, build: Build, asked: _Selection) -> list[Leg]:
    if asked.since is None or asked.until is None:
        return []
    if build.reads_archive_in_exports and request.one("search_archived_data") not in {"", "0"}:
        legs = list(world.archive)
    else:
        legs = world.legs_at(since=asked.since.date(), until=asked.until.date())
    return [leg for leg in legs if asked.since <= leg.call_time_local <= asked.until]


def _moment(request: Request, today: date, build: Build, bound: _Bound) -> datetime | None:
    """Return a bound of the range. None for a bound without calls."""
    text = request.one(bound.date) or today.isoformat()
    hour = bound.default_hour
    if build.honours_hours and request.has(bound.hour):
        hour = request.one(bound.hour)
    if _WITH_TIME.fullmatch(text):
        clock = ""  # the database ignores the second time that the page appends
    elif hour == "":
        clock = " 00:00:00"
    else:
        clock = f" {hour.zfill(2)}{bound.minutes}"
    try:
        return datetime.fromisoformat(text + clock)
    except ValueError:
        return None


def _sources(values: list[str], build: Build) -> tuple[str, ...] | None:
    """Return the names of a direction: None for none, empty for all. Names keep only letters, digits, - and _."""
    ids = [_DROPPED.sub("", name) for name in chosen(values)]
    if not ids:
        return None
    return () if ALL in ids and build.knows_all else tuple(ids)


def _unless_all(values: list[str]) -> tuple[str, ...]:
    ids = [value for value in values if value != ""]
    return () if ALL in ids else tuple(ids)


def _form(world: World, build: Build, sight: Sight) -> str:
    """Return a form with five selects. Their options are the defined ids."""
    centre = world.centre
    campaigns = [name for name in centre.campaigns if sight.campaigns is None or name in sight.campaigns]
    ingroups = [name for name in centre.ingroups if sight.ingroups is None or name in sight.ingroups]
    lists = [each for each in centre.lists if sight.lists is None or each in sight.lists]
    everything = [ALL] if build.knows_all else []
    selects = {
        "campaign[]": ["---NONE---", *everything, *campaigns],
        "group[]": ["---NONE---", *everything, *ingroups],
        "list_id[]": [ALL, *(str(list_id) for list_id in lists)],
        "status[]": [ALL, *centre.statuses],
        "user_group[]": [ALL, *centre.user_groups],
    }
    parts = ["<html><head><title>Export Calls</title></head><body><form action=call_report_export.php method=get>"]
    for name, values in selects.items():
        parts.append(f"<select size=20 name={name} multiple>")
        parts += [f'<option value="{escape(value)}">{escape(value)}</option>' for value in values]
        parts.append("</select>")
    return "\n".join([*parts, "<input type=submit></form></body></html>", ""])


_DROPPED = re.compile(r"[^-_\w]")
_WITH_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
