"""Matches of calls with and without uniqueid, pure: takeovers and fills.

A row with a uniqueid takes over the row without. A row without only fills what the row with it lacks.
"""

from dataclasses import dataclass

from warehouses.sql.call_identity import COMPARED, are_two_calls, null_if_masked, stable_part
from warehouses.sql.commit_scope import LEG, PHONE, CommitScope


@dataclass(frozen=True, slots=True)
class CallMatches:
    """Statements that find the stored row of a new row, and set both in ``actions``."""

    scope: CommitScope

    @property
    def rows_to_take_over(self) -> str:
        """Select the candidates for takeovers by new rows with a uniqueid."""
        scope = self.scope
        return f"SELECT 1 FROM {scope.calls} WHERE {scope.days} AND (uniqueid IS NULL OR direction = 'outbound')"

    def find_takeovers(self, source: str) -> str:
        """Find new rows with a uniqueid for calls stored without one, or with the one from before the hang-up.

        A dialer changes the uniqueid of a dialled leg at most once, and then shows the old one no more. other_key
        becomes the key of the stored row.
        """
        alike = " AND ".join(f"s.{name} IS NOT DISTINCT FROM t.{name}" for name in LEG[3:-1])
        keys = " AND ".join(f"s.{name} = t.{name}" for name in (*LEG[:3], "uniqueid"))
        shown = f"""
            SELECT t.call_key
            FROM (SELECT * FROM {self.scope.calls} WHERE {self.scope.days} AND direction = 'outbound') t
            JOIN {self.scope.spooled} s ON {keys} AND {alike} AND NOT {are_two_calls("s.", "t.")}"""
        same_channel = f"{stable_part('s.uniqueid')} = {stable_part('t.uniqueid')}"
        return self._match(
            source,
            new_bare=False,
            action="takeover",
            candidates=f"(uniqueid IS NULL OR direction = 'outbound' AND call_key NOT IN ({shown}))",
            same=f"(t.uniqueid IS NULL OR s.lead_id = t.lead_id AND {same_channel})",
        )

    def find_fills(self, source: str) -> str:
        """Find new rows without uniqueid for calls stored with one. other_key becomes the key of the stored row."""
        spoken_for = "SELECT coalesce(other_key, call_key) FROM actions WHERE action = 'fill'"
        spoken_for += " UNION ALL SELECT own_key FROM actions WHERE action = 'takeover'"
        candidates = f"uniqueid IS NOT NULL AND call_key NOT IN ({spoken_for})"
        return self._match(source, new_bare=True, action="fill", candidates=candidates, same="TRUE")

    def _match(self, source: str, *, new_bare: bool, action: str, candidates: str, same: str) -> str:
        """Match the n-th of some alike new rows with the n-th alike candidate in the table.

        Alike rows have one number, or no number and one lead. A forgotten or masked number is missing in one of them:
        then they match if each is the only row, or the only one of its lead.
        """
        legs = ", ".join(LEG[:-1])
        moment = f"{legs}, uniqueid IS NULL"
        caller = f"coalesce({null_if_masked(PHONE)}, concat('lead ', lead_id))"
        numbered = f"{legs}, {', '.join(COMPARED)}, uniqueid, call_key, {caller} AS caller"
        numbered += f", row_number() OVER (PARTITION BY {moment}, {caller} ORDER BY uniqueid, call_key) AS number"
        numbered += f", count(*) OVER (PARTITION BY {moment}) AS legs_there"
        numbered += f", count(*) OVER (PARTITION BY {moment}, lead_id) AS legs_of_lead"
        alike = " AND ".join(f"s.{name} IS NOT DISTINCT FROM t.{name}" for name in LEG[3:-1])
        nth = "s.caller IS NOT DISTINCT FROM t.caller AND s.number = t.number"
        only = "(s.legs_there = 1 AND t.legs_there = 1"
        only += " OR s.lead_id = t.lead_id AND s.legs_of_lead = 1 AND t.legs_of_lead = 1)"
        no_number = f"({null_if_masked('s.phone')} IS NULL OR {null_if_masked('t.phone')} IS NULL)"
        only += f" AND {no_number} AND NOT {are_two_calls('s.', 't.')}"
        keys = " AND ".join(f"s.{name} = t.{name}" for name in LEG[:3])
        chosen = f"SELECT call_key FROM actions WHERE action = 'insert' AND bare = {new_bare}"
        moments = f"SELECT call_time_local FROM {source} WHERE call_key IN ({chosen})"
        return f"""
            UPDATE actions SET action = '{action}', other_key = pairs.old_key, holder = pairs.holder
            FROM (
                SELECT s.call_key AS new_key, t.call_key AS old_key, t.campaign AS holder,
                    row_number() OVER (
                        PARTITION BY s.call_key ORDER BY t.uniqueid IS NULL DESC, ({nth}) DESC, t.call_key
                    ) AS choice,
                    row_number() OVER (PARTITION BY t.call_key ORDER BY ({nth}) DESC, s.call_key) AS claim
                FROM (
                    SELECT {numbered}
                    FROM {source} WHERE call_key IN ({chosen})
                ) s JOIN (
                    SELECT campaign, {numbered}
                    FROM {self.scope.calls} WHERE {self.scope.days} AND {candidates} AND call_time_local IN ({moments})
                ) t ON {keys} AND {alike} AND {same} AND (({nth}) OR ({only}))
            ) AS pairs WHERE actions.call_key = pairs.new_key AND pairs.choice = 1 AND pairs.claim = 1"""

    @property
    def follow_takeovers(self) -> str:
        """Point fills at the new key of their row after its takeover."""
        return """
            UPDATE actions SET other_key = taken.own_key
            FROM (SELECT own_key, other_key FROM actions WHERE action = 'takeover') AS taken
            WHERE actions.action = 'fill' AND actions.other_key = taken.other_key"""
