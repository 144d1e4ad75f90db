"""Queries of the views beside the calls table, pure: one text for both warehouses but for the parts in `ViewScript`."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from warehouses.sql.view_columns import (
    AGENT_DAY,
    CAMPAIGN_DAY,
    DROPPED,
    FRESHNESS,
    NO_CONTACT,
    RECENT_DAYS,
    TOLERANCE_SECONDS,
    TRANSFERS,
    View,
)

ALL_DAYS = "call_date >= DATE '1970-01-01'"
"""It names all days, since a query on the calls table may have to. BigQuery narrows it to the days of the reader."""
TALK = "CASE WHEN agent IS NOT NULL THEN COALESCE(talk_seconds, length_seconds) END"
"""Talk of an agent. An outbound leg has its length only."""
WRAPUP = "CASE WHEN agent IS NOT NULL THEN wrapup_seconds END"

TRANSFER = """\
o.client_id, o.client_name, o.campaign, o.call_date, o.call_time_local, o.dialer_campaign, o.lead_id, o.phone,
    o.agent, o.status, o.length_seconds, i.call_date AS transfer_date, i.call_time_local AS transfer_time_local,
    i.ingroup, i.agent AS transfer_agent, i.status AS transfer_status, i.queue_seconds,
    i.length_seconds AS transfer_length_seconds"""
NEXT_LEG = "i.call_time BETWEEN o.call_time AND o.call_time + INTERVAL 24 HOUR"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewScript:
    """Queries of all views.

    Args:
        name: quotes the name of a state table.
        calls: quoted name of the calls table.
        sale_statuses: as in the setting.
        minutes_since: writes the whole minutes since a moment.
    """

    name: Callable[[str], str]
    calls: str
    sale_statuses: str
    minutes_since: Callable[[str], str]

    def query(self, view: View) -> str:
        """Return the query of a view. Its columns come in the order of the record."""
        queries = {
            CAMPAIGN_DAY: self._campaign_day,
            AGENT_DAY: self._agent_day,
            FRESHNESS: self._freshness,
            TRANSFERS: self._transfers,
        }
        return queries[view]()

    def digest(self, view: View) -> str:
        """Return the mark of the current query, to be kept beside a view. It changes with the query."""
        return hashlib.sha256(self.query(view).encode()).hexdigest()[:16]

    @property
    def _sales(self) -> str:
        statuses = [status.strip().upper() for status in self.sale_statuses.split(",") if status.strip()]
        return _count(f"UPPER(status) IN ({_list_texts(statuses)})" if statuses else "FALSE")

    def _campaign_day(self) -> str:
        contact = f"agent IS NOT NULL AND COALESCE(status NOT IN ({_list_texts(NO_CONTACT)}), TRUE)"
        drops = _count(f"status IN ({_list_texts(DROPPED)})")
        handled = f"CASE WHEN length_seconds IS NOT NULL THEN {TALK} + COALESCE(wrapup_seconds, 0) END"
        group = "client_id, campaign, direction, dialer_campaign, ingroup, call_date"
        return f"""\
SELECT client_id, MAX(client_name) AS client_name, campaign, direction, dialer_campaign, ingroup, call_date,
    COUNT(*) AS calls,
    {_count(contact)} AS contacts,
    {self._sales} AS sales,
    {drops} AS drops,
    CASE WHEN direction = 'inbound' THEN ROUND(100 * {drops} / COUNT(*), 1) END AS drop_percent,
    ROUND(COALESCE(SUM({TALK}), 0), 1) AS talk_seconds,
    CAST(COALESCE(SUM({WRAPUP}), 0) AS INT64) AS wrapup_seconds,
    ROUND(AVG({handled}), 1) AS average_handle_seconds
FROM {self.calls}
WHERE {ALL_DAYS}
GROUP BY {group}"""

    def _agent_day(self) -> str:
        return f"""\
SELECT client_id, MAX(client_name) AS client_name, agent, MAX(agent_name) AS agent_name, call_date,
    COUNT(*) AS calls,
    {_count("direction = 'outbound'")} AS outbound_calls,
    {_count("direction = 'inbound'")} AS inbound_calls,
    {self._sales} AS sales,
    ROUND(COALESCE(SUM({TALK}), 0), 1) AS talk_seconds,
    CAST(COALESCE(SUM({WRAPUP}), 0) AS INT64) AS wrapup_seconds,
    MIN(call_time_local) AS first_call_local,
    MAX(call_time_local) AS last_call_local
FROM {self.calls}
WHERE {ALL_DAYS} AND agent IS NOT NULL
GROUP BY client_id, agent, call_date"""

    def _freshness(self) -> str:
        return f"""\
WITH newest AS (
    SELECT client_id, campaign, MAX(call_time) AS newest_call
    FROM {self.calls}
    WHERE call_date >= CURRENT_DATE() - {RECENT_DAYS}
    GROUP BY client_id, campaign),
doubted AS (
    SELECT source_key, COUNT(*) AS suspect_hours
    FROM {self.name("hours")}
    WHERE day >= CURRENT_DATE() - {RECENT_DAYS} AND doubt IS NOT NULL
    GROUP BY source_key)
SELECT w.client_id, w.client_name, w.campaign, w.host, w.report, w.source_key, n.newest_call, w.read_until,
    {self.minutes_since("w.read_until")} AS age_minutes,
    w.doubted_since, COALESCE(d.suspect_hours, 0) AS suspect_hours
FROM {self.name("watermarks")} AS w
LEFT JOIN newest AS n ON n.client_id = w.client_id AND n.campaign = w.campaign
LEFT JOIN doubted AS d ON d.source_key = w.source_key"""

    def _transfers(self) -> str:
        """Return a join for each kind of match, since BigQuery needs equal columns to join large tables.

        - A leg keeps its channel, and so its uniqueid, in a transfer. Two dialers of a client can count alike: lead or
          phone tell them apart.
        - A dialer may give an outbound leg another counter when it ends. The time in the uniqueid and the lead stay.
        - Where a leg has no uniqueid, its lead cannot be in another call until the outbound leg is over.

        The windows are within one day, so that conditions on the days reach the partitions.
        """
        return f"""\
WITH dialed AS (
    SELECT *, REGEXP_REPLACE(uniqueid, '[.][0-9]+$', '') AS channel_time,
        LEAD(call_time) OVER (PARTITION BY call_date, client_id, lead_id ORDER BY call_time, call_key) AS next_call_time
    FROM {self.calls}
    WHERE {ALL_DAYS} AND direction = 'outbound'),
outbound AS (
    SELECT * FROM dialed
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY call_date, client_id, lead_id, call_time, COALESCE(channel_time, call_key)
        ORDER BY CASE WHEN length_seconds IS NULL THEN 1 ELSE 0 END, updated_at DESC, call_key) = 1),
inbound AS (
    SELECT *, REGEXP_REPLACE(uniqueid, '[.][0-9]+$', '') AS channel_time
    FROM {self.calls}
    WHERE {ALL_DAYS} AND direction = 'inbound')
SELECT {TRANSFER}, 'uniqueid' AS matched_by, o.call_key, i.call_key AS transfer_call_key
FROM outbound AS o JOIN inbound AS i ON i.client_id = o.client_id AND i.uniqueid = o.uniqueid
WHERE {NEXT_LEG} AND (COALESCE(i.lead_id = o.lead_id, TRUE) OR COALESCE(i.phone = o.phone, TRUE))
UNION ALL
SELECT {TRANSFER}, 'uniqueid' AS matched_by, o.call_key, i.call_key AS transfer_call_key
FROM outbound AS o JOIN inbound AS i
    ON i.client_id = o.client_id AND i.channel_time = o.channel_time AND i.lead_id = o.lead_id
WHERE {NEXT_LEG} AND i.uniqueid <> o.uniqueid
UNION ALL
SELECT {TRANSFER}, 'lead and time' AS matched_by, o.call_key, i.call_key AS transfer_call_key
FROM outbound AS o JOIN inbound AS i ON i.client_id = o.client_id AND i.lead_id = o.lead_id
WHERE {NEXT_LEG} AND (i.uniqueid IS NULL OR o.uniqueid IS NULL)
    AND i.call_time <= o.call_time + INTERVAL (o.length_seconds + {TOLERANCE_SECONDS}) SECOND
    AND (o.next_call_time IS NULL OR i.call_time < o.next_call_time)"""


def _count(condition: str) -> str:
    """Count rows as INT64. DuckDB's own type is wider."""
    return f"CAST(COUNTIF({condition}) AS INT64)"


def _list_texts(texts: Iterable[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)
